/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/crc32c.h"

/* RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
static void the_published_values_come_out(void **state)
{
    unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
    const struct {
        const void *p;
        size_t n;
        uint32_t want;
    } rows[] = {
        {"", 0, 0},
        {"123456789", 9, 0xe3069283},
        {zeros, 32, 0x8a9136aa},
        {ones, 32, 0x62a8ab43},
        {up, 32, 0x46dd794e},
        {down, 32, 0x113fdb5c},
    };

    (void)state;
    for (unsigned char i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = i;
        down[i] = (unsigned char)(31 - i);
    }
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        assert_int_equal(pm_crc32c(0, rows[i].p, rows[i].n), rows[i].want);
        assert_int_equal(pm_crc32c_soft(0, rows[i].p, rows[i].n), rows[i].want);
    }
}

static void both_ways_agree_for_every_length_and_split(void **state)
{
    unsigned char t[64];

    (void)state;
    for (size_t i = 0; i < sizeof(t); i++)
        t[i] = (unsigned char)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof(t); n++) {
        const uint32_t whole = pm_crc32c(0, t, n);

        assert_int_equal(pm_crc32c_soft(0, t, n), whole);
        for (size_t cut = 0; cut <= n; cut++)
            assert_int_equal(pm_crc32c(pm_crc32c(0, t, cut), t + cut, n - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_values_come_out),
        cmocka_unit_test(both_ways_agree_for_every_length_and_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
