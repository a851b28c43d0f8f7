# SPDX-License-Identifier: Apache-2.0
# Files stay under 600 lines and functions under 80: what does not fit is more than one thing.
# A function's body begins with a brace at the start of a line and ends with one.
FNR == 1 { if (NR > 1) check_file(); file = FILENAME }
{ lines = FNR }
/^\{/ { start = FNR; head = previous }
/^\}/ {
    if (start && FNR - start + 1 > 80) {
        printf "%s:%d: %d lines in one function: %s\n", FILENAME, start, FNR - start + 1, head
        bad = 1
    }
    start = 0
}
{ previous = $0 }
END { check_file(); exit bad }
function check_file() {
    if (lines > 600) {
        printf "%s: %d lines\n", file, lines
        bad = 1
    }
}
