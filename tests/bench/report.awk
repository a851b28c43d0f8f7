# SPDX-License-Identifier: Apache-2.0
# figures.tsv (FIGURE, WHO, name=value...) to the table on standard output, the same as JSON in
# the file `json`, and as a chart in the file `svg`. Medians over the trials.
BEGIN { FS = "\t" }

{
    for (i = 3; i <= NF; i++) {
        eq = index($i, "=")
        key = $1 SUBSEP $2 SUBSEP substr($i, 1, eq - 1)
        value = substr($i, eq + 1)
        if (key in values)
            values[key] = values[key] " " value
        else
            values[key] = value
    }
}

function median(figure, who, name,    key, n, list, i, j, t) {
    key = figure SUBSEP who SUBSEP name
    if (!(key in values))
        return ""
    n = split(values[key], list, /[ ,]/)
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
            t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
        }
    return n % 2 ? list[(n + 1) / 2] + 0 : (list[n / 2] + list[n / 2 + 1]) / 2
}

function total(figure, who, name,    n, list, i, sum) {
    n = split(values[figure SUBSEP who SUBSEP name], list, " ")
    for (i = 1; i <= n; i++)
        sum += list[i]
    return sum + 0
}

function seen(figure, who) {
    return (figure SUBSEP who SUBSEP "cpu_us") in values || (figure SUBSEP who SUBSEP "total") in values
}

# One row. `less`: smaller is better, so agent / nginx may be at most `target`; else at least.
function compare(name, unit, form, nginx, agent, target, less, errors, who_cpu) {
    rows++
    r_name[rows] = name
    r_nginx[rows] = sprintf(form, nginx) unit
    r_agent[rows] = sprintf(form, agent) unit
    r_ratio[rows] = nginx > 0 ? agent / nginx : 0
    r_target[rows] = target == "" ? "" : (less ? "<= " : ">= ") target
    if (target != "")
        r_verdict[rows] = errors == 0 && nginx > 0 && (less ? r_ratio[rows] <= target : r_ratio[rows] >= target) ? "pass" : "SHORT"
    chart(name, unit, form, nginx, agent, target == "" ? "" : nginx * target)
}

# One row against a bound of its own.
function bound(name, unit, form, nginx, agent, most, errors) {
    rows++
    r_name[rows] = name
    r_nginx[rows] = nginx == "" ? "" : sprintf(form, nginx) unit
    r_agent[rows] = sprintf(form, agent) unit
    r_ratio[rows] = ""
    r_target[rows] = "<= " most unit
    r_verdict[rows] = errors == 0 && agent > 0 && agent <= most ? "pass" : "SHORT"
    chart(name, unit, form, nginx, agent, most)
}

function chart(name, unit, form, nginx, agent, target) {
    bars++
    b_name[bars] = name; b_unit[bars] = unit; b_form[bars] = form
    b_nginx[bars] = nginx; b_agent[bars] = agent; b_target[bars] = target
}

END {
    if (seen("latency", "agent")) {
        direct = median("latency", "direct", "p50_us")
        errors = total("latency", "agent", "errors")
        compare("added latency p50, 1 connection", " us", "%.0f",
            median("latency", "nginx", "p50_us") - direct,
            median("latency", "agent", "p50_us") - direct, 4, 1, errors)
        direct99 = median("latency", "direct", "p99_us")
        compare("added latency p99, 1 connection", " us", "%.0f",
            median("latency", "nginx", "p99_us") - direct99,
            median("latency", "agent", "p99_us") - direct99, "", 1, errors)
    }
    if (seen("requests", "agent")) {
        errors = total("requests", "agent", "errors")
        compare("requests per second, 32 connections", "/s", "%.0f",
            median("requests", "nginx", "rate"), median("requests", "agent", "rate"), 0.4, 0, errors)
        compare("  CPU per request", " us", "%.1f",
            median("requests", "nginx", "cpu_us"), median("requests", "agent", "cpu_us"), 2.5, 1, errors)
    }
    if (seen("streams", "agent")) {
        errors = total("streams", "agent", "errors")
        compare("events per second, 64 streams", "/s", "%.0f",
            median("streams", "nginx", "rate"), median("streams", "agent", "rate"), 0.6, 0, errors)
        compare("  CPU per event", " us", "%.2f",
            median("streams", "nginx", "cpu_us"), median("streams", "agent", "cpu_us"), 1.67, 1, errors)
    }
    if (seen("slow", "agent")) {
        rows++
        r_name[rows] = "slow streams that completed, of 5000"
        r_nginx[rows] = total("slow", "nginx", "streams")
        r_agent[rows] = total("slow", "agent", "streams")
        r_target[rows] = "5000"
        r_verdict[rows] = r_agent[rows] == 5000 && total("slow", "agent", "errors") == 0 ? "pass" : "SHORT"
        seconds = median("slow", "agent", "seconds")
        compare("  share of one core", " %", "%.1f",
            median("slow", "nginx", "cpu_us") * r_nginx[rows] / median("slow", "nginx", "seconds") / 1e4,
            median("slow", "agent", "cpu_us") * r_agent[rows] / seconds / 1e4, "", 1, 0)
    }
    if (("idle" SUBSEP "agent" SUBSEP "rss_kib") in values) {
        bound("memory, idle (RSS)", " MiB", "%.1f", median("idle", "nginx", "rss_kib") / 1024,
            median("idle", "agent", "rss_kib") / 1024, 16, 0)
        bound("memory, 1000 streams (RSS)", " MiB", "%.1f", median("memory", "nginx", "rss_kib") / 1024,
            median("memory", "agent", "rss_kib") / 1024, 64, total("memory", "agent", "errors"))
    }
    if (seen("instructions10000000", "agent")) {
        per_byte = median("instructions10000000", "agent", "total")
        per_byte -= median("instructions1000", "agent", "total")
        per_byte /= 3 * (10000000 - 1000)
        bound("instructions per byte, 10 MB body", "", "%.2f", "", per_byte, 4,
            total("callgrind10000000", "agent", "errors"))
        compare("  CPU per 10 MB body", " ms", "%.1f", median("body10m", "nginx", "cpu_us") / 1000,
            median("body10m", "agent", "cpu_us") / 1000, "", 1, 0)
    }
    if (("start" SUBSEP "agent" SUBSEP "start_ms") in values)
        bound("start to first answered request", " ms", "%.1f", "",
            median("start", "agent", "start_ms"), 50, 0)
    print_table()
    print_json()
    print_svg()
}

function print_table(    i, ratio) {
    printf "%-38s %12s %12s %8s %12s  %s\n", "figure", "nginx", "agent", "ratio", "target", ""
    for (i = 1; i <= rows; i++) {
        ratio = r_ratio[i] == "" ? "" : sprintf("%.2f", r_ratio[i])
        printf "%-38s %12s %12s %8s %12s  %s\n", r_name[i], r_nginx[i], r_agent[i], ratio,
            r_target[i], r_verdict[i]
    }
}

function print_json(    i) {
    printf "[" >json
    for (i = 1; i <= rows; i++) {
        name = r_name[i]
        sub(/^ +/, "", name)
        printf "%s\n  {\"figure\": \"%s\", \"nginx\": \"%s\", \"agent\": \"%s\", \"ratio\": %s, \"target\": \"%s\", \"verdict\": \"%s\"}",
            (i > 1 ? "," : ""), name, r_nginx[i], r_agent[i],
            (r_ratio[i] == "" ? "null" : sprintf("%.3f", r_ratio[i])), r_target[i],
            tolower(r_verdict[i]) >json
    }
    print "\n]" >json
}

# Each figure has its own scale: two bars, and a mark where the target lies.
function print_svg(    i, y, most, scale) {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n", bars * 54 + 60 >svg
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>" >svg
    print "<rect x=\"290\" y=\"16\" width=\"14\" height=\"12\" fill=\"#9aa5b1\"/><text x=\"310\" y=\"27\">nginx proxy_pass</text>" >svg
    print "<rect x=\"440\" y=\"16\" width=\"14\" height=\"12\" fill=\"#2f6fde\"/><text x=\"460\" y=\"27\">pointsman-agent</text>" >svg
    print "<line x1=\"597\" x2=\"597\" y1=\"14\" y2=\"30\" stroke=\"#d03b3b\" stroke-width=\"2\"/><text x=\"605\" y=\"27\">target</text>" >svg
    for (i = 1; i <= bars; i++) {
        y = 46 + (i - 1) * 54
        most = b_agent[i] + 0
        if (b_nginx[i] + 0 > most) most = b_nginx[i] + 0
        if (b_target[i] + 0 > most) most = b_target[i] + 0
        scale = most > 0 ? 440 / most : 0
        name = b_name[i]
        sub(/^ +/, "", name)
        printf "<text x=\"280\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 22, name >svg
        if (b_nginx[i] != "")
            bar(y + 2, b_nginx[i] * scale, "#9aa5b1", sprintf(b_form[i], b_nginx[i]) b_unit[i])
        bar(y + 20, b_agent[i] * scale, "#2f6fde", sprintf(b_form[i], b_agent[i]) b_unit[i])
        if (b_target[i] != "")
            printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#d03b3b\" stroke-width=\"2\"/>\n",
                290 + b_target[i] * scale, 290 + b_target[i] * scale, y, y + 38 >svg
    }
    print "</svg>" >svg
}

function bar(y, width, colour, label) {
    printf "<rect x=\"290\" y=\"%d\" width=\"%.1f\" height=\"16\" fill=\"%s\"/><text x=\"%.1f\" y=\"%d\">%s</text>\n",
        y, (width < 1 ? 1 : width), colour, 296 + width, y + 13, label >svg
}
