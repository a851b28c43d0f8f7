/* SPDX-License-Identifier: Apache-2.0 */
/* Inside common/catalogue only: the bytes of the shipped tables. */
#ifndef COMMON_CATALOGUE_TABLES_H
#define COMMON_CATALOGUE_TABLES_H

extern const char pm_catalogue_providers[], pm_catalogue_providers_end[];
extern const char pm_catalogue_models[], pm_catalogue_models_end[];
extern const char pm_catalogue_endpoints[], pm_catalogue_endpoints_end[];

#endif
