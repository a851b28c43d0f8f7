/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "common/route/route.h"

/* The positions of d's notes, best first, then those that were dropped as the table has them. */
static size_t *by_rank(const struct pm_decision *d)
{
    size_t *at = pm_xcalloc(d->n_attempts + d->n_notes, sizeof(*at));
    size_t *first = at + d->n_notes, n = 0;

    for (size_t i = 0; i < d->n_notes; i++) {
        if (d->notes[i].rank >= 0)
            first[d->notes[i].rank] = i + 1;
    }
    for (size_t i = 0; i < d->n_attempts; i++) {
        if (first[i]) /* else a further key of an endpoint that stands before */
            at[n++] = first[i] - 1;
    }
    for (size_t i = 0; i < d->n_notes; i++) {
        if (d->notes[i].rank < 0)
            at[n++] = i;
    }
    return at;
}

/* One line of the table. */
struct line {
    const struct pm_decision *d;
    const struct pm_note *note;
    size_t place; /* among the kept, from 1 */
};

static void write_place(const struct line *l, struct pm_buf *b)
{
    if (l->note->rank < 0)
        pm_buf_ch(b, '-');
    else
        pm_buf_u64(b, l->place);
}

static void write_model(const struct line *l, struct pm_buf *b)
{
    pm_buf_str(b, l->note->endpoint->model->id);
}

static void write_tag(const struct line *l, struct pm_buf *b)
{
    pm_buf_str(b, l->note->endpoint->tag);
}

static void write_input(const struct line *l, struct pm_buf *b)
{
    if (l->note->endpoint->price.known)
        pm_money_print_per_mtok(b, l->note->endpoint->price.input);
    else
        pm_buf_ch(b, '?');
}

static void write_output(const struct line *l, struct pm_buf *b)
{
    if (l->note->endpoint->price.known)
        pm_money_print_per_mtok(b, l->note->endpoint->price.output);
    else
        pm_buf_ch(b, '?');
}

/* The keys in the order in which they are tried. */
static void write_keys(const struct line *l, struct pm_buf *b)
{
    const char *before = "";

    for (size_t i = 0; i < l->d->n_attempts; i++) {
        const struct pm_attempt_plan *a = &l->d->attempts[i];
        if (a->endpoint != l->note->endpoint)
            continue;
        pm_buf_cstr(b, before);
        pm_buf_str(b, a->credential ? a->credential->name : PM_STR("the caller's"));
        before = ", ";
    }
}

static void write_reason(const struct line *l, struct pm_buf *b)
{
    pm_buf_cstr(b, pm_reason_text(l->note->reason));
}

static const struct column {
    const char *title;
    bool right;
    void (*write)(const struct line *l, struct pm_buf *b);
} columns[] = {
    {"#", true, write_place},      {"model", false, write_model},   {"endpoint", false, write_tag},
    {"$/M in", true, write_input}, {"$/M out", true, write_output}, {"keys", false, write_keys},
    {"why", false, write_reason},
};

static bool pad(struct pm_buf *b, size_t n)
{
    while (n-- > 0)
        pm_buf_ch(b, ' ');
    return !b->failed;
}

static void write_cell(struct pm_buf *out, size_t column, struct pm_str text, size_t width)
{
    bool last = column + 1 == PM_COUNT(columns);

    if (columns[column].right)
        pad(out, width - text.n);
    pm_buf_str(out, text);
    if (!columns[column].right && !last)
        pad(out, width - text.n);
    pm_buf_cstr(out, last ? "\n" : "  ");
}

static void write_table(const struct pm_decision *d, struct pm_buf *out)
{
    size_t *order = by_rank(d), width[PM_COUNT(columns)];
    struct pm_buf cell;

    pm_buf_init(&cell, out->max);
    for (size_t c = 0; c < PM_COUNT(columns); c++) {
        width[c] = strlen(columns[c].title);
        for (size_t i = 0; i < d->n_notes; i++) {
            const struct line l = {d, &d->notes[order[i]], i + 1};
            pm_buf_reset(&cell);
            columns[c].write(&l, &cell);
            width[c] = PM_MAX(width[c], cell.n);
        }
    }
    for (size_t c = 0; c < PM_COUNT(columns); c++)
        write_cell(out, c, pm_str(columns[c].title), width[c]);
    for (size_t i = 0; i < d->n_notes; i++) {
        const struct line l = {d, &d->notes[order[i]], i + 1};
        for (size_t c = 0; c < PM_COUNT(columns); c++) {
            pm_buf_reset(&cell);
            columns[c].write(&l, &cell);
            write_cell(out, c, pm_buf_view(&cell), width[c]);
        }
    }
    pm_buf_fini(&cell);
    free(order);
}

bool pm_explain_text(const struct pm_decision *d, const struct pm_route_input *in,
                     struct pm_buf *out)
{
    (void)in;
    if (d->failed)
        pm_buf_addf(out, "%u: %.*s\n", d->status, PM_FMT(d->message));
    else
        pm_buf_addf(out, "%s, %zu attempt%s\n", pm_strategy_name(d->strategy), d->n_attempts,
                    d->n_attempts == 1 ? "" : "s");
    if (d->n_notes) {
        pm_buf_ch(out, '\n');
        write_table(d, out);
    }
    for (size_t i = 0; i < d->n_warnings; i++)
        pm_buf_addf(out, "%swarning: %.*s\n", i ? "" : "\n", PM_FMT(d->warnings[i]));
    return !out->failed;
}

static void json_strings(struct pm_buf *b, const char *key, const struct pm_str *s, size_t n)
{
    pm_buf_addf(b, "\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            pm_buf_ch(b, ',');
        pm_json_quote(b, s[i]);
    }
    pm_buf_ch(b, ']');
}

static void json_endpoint(struct pm_buf *b, const struct pm_endpoint *e)
{
    pm_buf_lit(b, "\"model\":");
    pm_json_quote(b, e->model->id);
    pm_buf_lit(b, ",\"endpoint\":");
    pm_json_quote(b, e->tag);
    pm_buf_lit(b, ",\"provider\":");
    pm_json_quote(b, e->provider->name);
}

static void json_refusal(struct pm_buf *b, const struct pm_decision *d)
{
    pm_buf_addf(b, ",\"refused\":{\"status\":%u,\"error_type\":\"%s\",\"code\":", d->status,
                d->error_type);
    if (d->availability.p)
        pm_json_quote(b, d->availability);
    else
        pm_buf_lit(b, "null");
    pm_buf_lit(b, ",\"message\":");
    pm_json_quote(b, d->message);
    pm_buf_lit(b, ",\"excluded_by\":[");
    for (size_t i = 0; i < d->n_excluded_by; i++)
        pm_buf_addf(b, "%s\"%s\"", i ? "," : "", d->excluded_by[i]);
    pm_buf_lit(b, "]}");
}

static void json_attempts(struct pm_buf *b, const struct pm_decision *d)
{
    pm_buf_lit(b, ",\"attempts\":[");
    for (size_t i = 0; i < d->n_attempts; i++) {
        const struct pm_attempt_plan *a = &d->attempts[i];
        pm_buf_cstr(b, i ? ",{" : "{");
        json_endpoint(b, a->endpoint);
        pm_buf_lit(b, ",\"key\":");
        if (a->credential)
            pm_json_quote(b, a->credential->name);
        else
            pm_buf_lit(b, "null");
        pm_buf_addf(b, ",\"byok\":%s}", !a->credential || a->credential->byok ? "true" : "false");
    }
    pm_buf_ch(b, ']');
}

static void json_notes(struct pm_buf *b, const struct pm_decision *d)
{
    size_t *order = by_rank(d);

    pm_buf_lit(b, ",\"endpoints\":[");
    for (size_t i = 0; i < d->n_notes; i++) {
        const struct pm_note *n = &d->notes[order[i]];
        const struct pm_price *p = &n->endpoint->price;
        pm_buf_cstr(b, i ? ",{" : "{");
        json_endpoint(b, n->endpoint);
        if (n->rank >= 0)
            pm_buf_addf(b, ",\"attempt\":%d", (int)n->rank + 1);
        else
            pm_buf_lit(b, ",\"attempt\":null");
        pm_buf_addf(b, ",\"reason\":\"%s\",\"text\":\"%s\",\"pricing\":", pm_reason_name(n->reason),
                    pm_reason_text(n->reason));
        if (p->known) {
            pm_buf_lit(b, "{\"prompt\":\"");
            pm_money_print_per_token(b, p->input);
            pm_buf_lit(b, "\",\"completion\":\"");
            pm_money_print_per_token(b, p->output);
            pm_buf_lit(b, "\"}}");
        } else {
            pm_buf_lit(b, "null}");
        }
    }
    pm_buf_ch(b, ']');
    free(order);
}

bool pm_explain_json(const struct pm_decision *d, const struct pm_route_input *in,
                     struct pm_buf *out)
{
    const struct pm_call *call = in->call;

    pm_buf_ch(out, '{');
    json_strings(out, "requested", call->models, PM_MIN(call->n_models, PM_MAX_MODELS));
    pm_buf_addf(out, ",\"strategy\":\"%s\",\"models\":[", pm_strategy_name(d->strategy));
    for (size_t i = 0; i < d->n_models; i++) {
        if (i)
            pm_buf_ch(out, ',');
        pm_json_quote(out, d->models[i]->id);
    }
    pm_buf_ch(out, ']');
    if (d->failed)
        json_refusal(out, d);
    json_attempts(out, d);
    json_notes(out, d);
    pm_buf_ch(out, ',');
    json_strings(out, "warnings", d->warnings, d->n_warnings);
    pm_buf_ch(out, '}');
    return !out->failed;
}
