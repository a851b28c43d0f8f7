/* SPDX-License-Identifier: Apache-2.0 */
/* Has a request written for a provider, for tests and fuzzers. */
#ifndef PM_TESTS_REQUEST_WRITER_H
#define PM_TESTS_REQUEST_WRITER_H

#include "agent/provider/codec.h"

struct written {
    struct pm_arena a;
    struct pm_call call;
    struct pm_endpoint endpoint;
    struct request_in in; /* what is set here before writing holds */
    struct request_out out;
    struct pm_buf body; /* as it goes out */
    struct pm_error err;
};

static void written_init(struct written *w, const char *upstream_model)
{
    *w = (struct written){0};
    pm_arena_init(&w->a, 4096, 16u << 20);
    pm_buf_init(&w->body, 64u << 20);
    w->endpoint.upstream_model = pm_str(upstream_model);
    w->in.drop_unsupported = true;
}

static void written_fini(struct written *w)
{
    pm_arena_fini(&w->a);
    pm_buf_fini(&w->body);
}

/* False: the body is no JSON object, or the codec said no. */
static bool written_write(struct written *w, const char *dialect, struct pm_str body)
{
    struct body_member *members;
    struct pm_jiter it;
    size_t n = 0;

    w->in.body = body;
    w->in.call = &w->call;
    w->in.endpoint = &w->endpoint;
    if (!pm_json_check(body, PM_JLIMITS_DEFAULT, &w->in.root, &w->err) ||
        w->in.root.type != PM_JOBJ)
        return false;
    members = PM_ARENA_ARRAY(&w->a, struct body_member, 4097);
    it = pm_json_iter(w->in.root);
    while (pm_json_member(&it, &members[n].key, &members[n].val)) {
        if (pm_str_is(members[n].key, "stream"))
            w->call.stream = members[n].val.type == PM_JTRUE;
        n++;
    }
    w->in.members = members;
    w->in.n_members = n;
    return codec_openai.write_request(dialect_find(pm_str(dialect)), &w->in, &w->a, &w->out,
                                      &w->err) &&
           pm_json_splice(body, w->out.edits, w->out.n_edits, &w->body);
}

#endif
