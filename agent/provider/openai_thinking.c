/* SPDX-License-Identifier: Apache-2.0 */
/* How a wish about thinking is said in each dialect. */
#include "agent/provider/openai_request.h"

static void add_word(struct request_writer *w, struct edit_walk *root)
{
    const char *efforts = w->rule->efforts ? w->rule->efforts : w->dialect->efforts;
    const struct pm_str word = thinking_word(&w->thinking, efforts, w->max_tokens);

    if (word.n > 0)
        edit_add_member(root, PM_STR("reasoning_effort"),
                        EDITS_JOIN(&w->edits, PM_STR("\""), word, PM_STR("\"")));
}

static void add_budget(struct request_writer *w, struct edit_walk *root)
{
    const int64_t most = w->max_tokens > 0 ? w->max_tokens : w->in->endpoint->max_output;
    const int64_t budget = thinking_budget(&w->thinking, most);
    char text[24];
    int n;

    if (budget <= 0)
        return;
    n = snprintf(text, sizeof(text), "%lld", (long long)budget);
    edit_add_member(root, PM_STR("thinking_budget"),
                    EDITS_JOIN(&w->edits, pm_str_n(text, (size_t)n)));
}

void openai_add_thinking(struct request_writer *w, struct edit_walk *root)
{
    const struct thinking *t = &w->thinking;

    /* A provider's own members in the request say it already. */
    if (w->got[M_NATIVE_REASONING].type != PM_JNONE)
        return;
    if (w->reasoning == REASONING_GROQ)
        edit_add(root, t->exclude ? PM_STR("\"reasoning_format\":\"hidden\"")
                                  : PM_STR("\"reasoning_format\":\"parsed\""));
    if (!t->asked)
        return;
    switch (w->reasoning) {
    case REASONING_EFFORT:
    case REASONING_GROQ:
        add_word(w, root);
        break;
    case REASONING_THINKING:
        edit_add(root, t->off ? PM_STR("\"thinking\":{\"type\":\"disabled\"}")
                              : PM_STR("\"thinking\":{\"type\":\"enabled\"}"));
        if (!t->off)
            add_word(w, root);
        break;
    case REASONING_ENABLE:
        edit_add(root,
                 t->off ? PM_STR("\"enable_thinking\":false") : PM_STR("\"enable_thinking\":true"));
        add_budget(w, root);
        break;
    case REASONING_TEMPLATE: /* templates of models differ in the name */
        edit_add(root, t->off ? PM_STR("\"chat_template_kwargs\":{\"enable_thinking\":false,"
                                       "\"thinking\":false}")
                              : PM_STR("\"chat_template_kwargs\":{\"enable_thinking\":true,"
                                       "\"thinking\":true}"));
        if (!t->off)
            add_word(w, root);
        break;
    default:
        break;
    }
}
