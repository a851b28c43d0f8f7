/* SPDX-License-Identifier: Apache-2.0 */
/* Inside common/config only. What the rows of schema.c point to beside the table's own structs: the
 * objects into which entries are read before they become rows of the table, and the functions
 * that read and check them. */
#ifndef COMMON_CONFIG_ENTRIES_H
#define COMMON_CONFIG_ENTRIES_H

#include "common/config/schema.h"

struct catalogue_entry {
    bool builtin;
};

struct key_entry {
    struct pm_str env, file;
    bool none;
    enum pm_key_section section;
    bool byok;
    struct pm_str *models;
    size_t n_models;
};

struct data_entry {
    bool trains;
    int64_t retention_days;
};

struct policy_entry {
    struct pm_policy own; /* its prefs: those of `provider` */
    struct pm_prefs limits; /* those beside it */
    struct pm_str inherit;
    struct pm_place inherit_at;
    enum { POLICY_READ, POLICY_ENTERED, POLICY_DONE } state;
    struct policy_entry *next;
};

struct client_entry {
    struct pm_client_key row;
    struct pm_str sha256, policy;
};

row_check check_address, check_url, check_proxy, check_slug, check_region, check_model_id,
    check_model_ref, check_glob, check_env, check_path, check_text, check_sha256;

row_words words_protocol, words_section, words_tier, words_quant, words_modality, words_param,
    words_unknown_price, words_collection, words_log_level, words_log_format, words_sort,
    words_dialect;

row_hook hook_provider, hook_key, hook_keys_entry, hook_headers, hook_data;
row_hook hook_model, hook_endpoint, hook_price, hook_model_refs;
row_hook hook_slugs, hook_only, hook_sort, hook_cutoffs;
row_hook hook_alias, hook_preset, hook_request, hook_client_key;
row_hook hook_policies, hook_policy, hook_globs;

/* A finding that there is no such model or provider, with the nearest name. Always false. */
bool unknown_model(struct load *l, struct pm_place at, struct pm_str id);
bool unknown_provider(struct load *l, struct pm_place at, struct pm_str slug);

#endif
