/* SPDX-License-Identifier: Apache-2.0 */
/* What must change inside of `tools`. */
#include "agent/provider/openai_request.h"

static const struct pm_str server_tool = PM_STR_INIT("openrouter:");

static bool is_server_tool(struct pm_jval tool)
{
    return tool.type == PM_JOBJ &&
           pm_str_starts(pm_json_body(pm_json_get(tool, "type")), server_tool);
}

bool openai_only_server_tools(struct pm_jval tools)
{
    struct pm_jiter it = pm_json_iter(tools);
    struct pm_jval tool;
    bool any = false;

    if (tools.type != PM_JARR || !memmem(tools.raw.p, tools.raw.n, server_tool.p, server_tool.n))
        return false;
    while (pm_json_item(&it, &tool)) {
        if (!is_server_tool(tool))
            return false;
        any = true;
    }
    return any;
}

/* A schema at any depth: without $schema, and without `type` where `anyOf` says it. */
static void edit_schema(struct request_writer *w, struct pm_jval schema)
{
    struct pm_jiter it = pm_json_iter(schema);
    struct edit_walk walk;
    struct pm_jval val;
    struct pm_str key;
    bool choice;

    if (schema.type == PM_JARR) {
        while (pm_json_item(&it, &val))
            edit_schema(w, val);
        return;
    }
    if (schema.type != PM_JOBJ)
        return;
    walk = edit_walk(&w->edits, schema);
    choice = pm_json_get(schema, "anyOf").type == PM_JARR;
    while (pm_json_member(&it, &key, &val)) {
        if ((pm_str_is(key, "$schema") && val.type == PM_JSTR) ||
            (choice && pm_str_is(key, "type") && val.type != PM_JOBJ)) {
            edit_cut(&walk, edit_member(key, val));
            continue;
        }
        edit_keep(&walk, edit_member(key, val));
        edit_schema(w, val);
    }
    edit_end(&walk);
}

static void edit_tool(struct request_writer *w, struct pm_jval tool)
{
    static const char of_others[] = "cache_control eager_input_streaming";
    struct edit_walk walk = edit_walk(&w->edits, tool);
    struct pm_jiter it = pm_json_iter(tool);
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        if (!w->dialect->takes_cache_control && dialect_lists(of_others, key)) {
            edit_cut(&walk, edit_member(key, val));
            continue;
        }
        edit_keep(&walk, edit_member(key, val));
        if (w->dialect->plain_schemas && val.type == PM_JOBJ && pm_str_is(key, "function"))
            edit_schema(w, pm_json_get(val, "parameters"));
    }
    edit_end(&walk);
}

void openai_edit_tools(struct request_writer *w, struct pm_jval tools)
{
    static const char *const marks[] = {"openrouter:", "cache_control", "eager_input_streaming"};
    struct edit_walk walk = edit_walk(&w->edits, tools);
    struct pm_jiter it = pm_json_iter(tools);
    bool any = w->dialect->plain_schemas;
    struct pm_jval tool;

    if (w->dialect->passes_openrouter_fields)
        return;
    for (size_t i = 0; i < PM_COUNT(marks) && !any; i++)
        any = memmem(tools.raw.p, tools.raw.n, marks[i], strlen(marks[i])) != NULL;
    while (any && pm_json_item(&it, &tool)) {
        if (is_server_tool(tool)) {
            edit_cut(&walk, tool.raw);
            continue;
        }
        edit_keep(&walk, tool.raw);
        if (tool.type == PM_JOBJ)
            edit_tool(w, tool);
    }
    edit_end(&walk);
}
