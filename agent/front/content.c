/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/content.h"

#include "agent/front/members.h"
#include "common/map.h"
#include "common/route/table.h"

#define MESSAGE_BYTES 16 /* what a chat template adds for one message, as text */

/* Part types with media: the member that must be there, and a flat guess of its tokens. What a
 * provider counts depends on size and model, neither of which can be known without decoding. */
static const struct part_row {
    struct pm_str type, member;
    uint32_t modality;
    int64_t tokens;
} media_parts[] = {
    {PM_STR_INIT("image_url"), PM_STR_INIT("image_url"), PM_MOD_IMAGE, 1024},
    {PM_STR_INIT("input_audio"), PM_STR_INIT("input_audio"), PM_MOD_AUDIO, 1024},
    {PM_STR_INIT("file"), PM_STR_INIT("file"), PM_MOD_FILE, 2048},
    {PM_STR_INIT("video_url"), PM_STR_INIT("video_url"), PM_MOD_VIDEO, 4096},
    {PM_STR_INIT("input_video"), PM_STR_INIT("video_url"), PM_MOD_VIDEO, 4096},
};

/* Where the walk is, for error texts. */
struct place {
    const char *list; /* "messages" or "input" */
    size_t item, part;
};

static bool bad_item(const struct place *at, struct pm_error *err, const char *what)
{
    return pm_fail(err, PM_EINVAL, "%s[%zu]%s", at->list, at->item, what);
}

static bool bad_part(const struct place *at, struct pm_error *err, struct pm_str member,
                     const char *what)
{
    return pm_fail(err, PM_EINVAL, "%s[%zu].content[%zu]%s%.*s: %s", at->list, at->item, at->part,
                   member.n ? "." : "", PM_FMT(member), what);
}

/* Rows by part type, or by the member that holds the media; NULL if there is none. */
static const struct part_row *media_part(struct pm_str type, struct pm_str member)
{
    for (size_t i = 0; i < PM_COUNT(media_parts); i++) {
        const struct part_row *row = &media_parts[i];

        if ((!type.p || pm_str_eq(row->type, type)) &&
            (!member.p || pm_str_eq(row->member, member)))
            return row;
    }
    return NULL;
}

static bool read_part(struct pm_jiter *outer, const struct place *at, struct front_content *c,
                      struct pm_error *err)
{
    const struct part_row *row;
    struct pm_jiter it = pm_json_enter(outer);
    struct pm_jval type = {PM_JNONE, PM_NSTR}, text = type;
    struct pm_str key, media = PM_STR("");

    if (pm_json_type(outer) != PM_JOBJ)
        return bad_part(at, err, PM_STR(""), "must be an object");
    while (pm_json_name(&it, &key)) {
        const struct pm_jval val = pm_json_take(&it);

        if (pm_str_eq(key, PM_STR("type")))
            type = val;
        else if (pm_str_eq(key, PM_STR("text")))
            text = val;
        else if ((val.type == PM_JOBJ || val.type == PM_JSTR) && media_part(PM_NSTR, key))
            media = key;
    }
    pm_json_leave(outer, &it);
    if (type.type != PM_JSTR)
        return bad_part(at, err, PM_STR("type"), "must be a string");
    if (pm_str_eq(pm_json_body(type), PM_STR("text"))) {
        if (text.type != PM_JSTR)
            return bad_part(at, err, PM_STR("text"), "must be a string");
        c->text_bytes += (int64_t)text.raw.n;
        return true;
    }
    row = media_part(pm_json_body(type), PM_NSTR);
    if (!row) { /* refusals, thinking, and what is yet to come */
        c->text_bytes += text.type == PM_JSTR ? (int64_t)text.raw.n : 0;
        return true;
    }
    if (!pm_str_eq(row->member, media))
        return bad_part(at, err, row->member, "must be an object");
    c->modalities |= row->modality;
    c->media_tokens += row->tokens;
    c->images += row->modality == PM_MOD_IMAGE;
    return true;
}

/* `content`: text, a list of parts, or null. */
static bool read_content(struct pm_jiter *outer, struct place *at, struct front_content *c,
                         enum pm_jtype *type, struct pm_error *err)
{
    struct pm_jiter it;

    *type = pm_json_type(outer);
    switch (*type) {
    case PM_JSTR:
        c->text_bytes += (int64_t)pm_json_take(outer).raw.n;
        return true;
    case PM_JARR:
        it = pm_json_enter(outer);
        for (at->part = 0; pm_json_more(&it); at->part++) {
            if (!read_part(&it, at, c, err))
                return false;
        }
        pm_json_leave(outer, &it);
        return true;
    case PM_JNULL:
        pm_json_take(outer);
        return true;
    default:
        return bad_item(at, err, ".content: must be a string or an array");
    }
}

enum role { ROLE_INSTRUCTION, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL, ROLE_UNKNOWN };

static enum role role_of(struct pm_jval v)
{
    static const struct {
        struct pm_str name;
        enum role role;
    } roles[] = {
        {PM_STR_INIT("user"), ROLE_USER},          {PM_STR_INIT("assistant"), ROLE_ASSISTANT},
        {PM_STR_INIT("system"), ROLE_INSTRUCTION}, {PM_STR_INIT("tool"), ROLE_TOOL},
        {PM_STR_INIT("function"), ROLE_TOOL},      {PM_STR_INIT("developer"), ROLE_INSTRUCTION},
    };

    for (size_t i = 0; i < PM_COUNT(roles); i++) {
        if (pm_str_eq(pm_json_body(v), roles[i].name))
            return roles[i].role;
    }
    return ROLE_UNKNOWN;
}

static bool read_message(struct pm_jiter *outer, struct place *at, enum role *role,
                         struct front_content *c, struct pm_error *err)
{
    struct pm_jiter it = pm_json_enter(outer);
    enum pm_jtype content = PM_JNONE;
    struct pm_str key;

    if (pm_json_type(outer) != PM_JOBJ)
        return bad_item(at, err, ": must be an object");
    c->text_bytes += MESSAGE_BYTES;
    while (pm_json_name(&it, &key)) {
        struct pm_jval val;

        if (pm_str_eq(key, PM_STR("content"))) {
            if (!read_content(&it, at, c, &content, err))
                return false;
            continue;
        }
        val = pm_json_take(&it);
        if (pm_str_eq(key, PM_STR("role"))) {
            *role = role_of(val);
        } else if (pm_str_eq(key, PM_STR("tool_calls"))) {
            if (val.type != PM_JARR && val.type != PM_JNULL)
                return bad_item(at, err, ".tool_calls: must be an array");
            c->text_bytes += (int64_t)val.raw.n;
        } else if (val.type == PM_JSTR && pm_str_starts(key, PM_STR("reasoning"))) {
            c->text_bytes += (int64_t)val.raw.n; /* reasoning or reasoning_content */
        }
    }
    pm_json_leave(outer, &it);
    if (*role == ROLE_UNKNOWN)
        return bad_item(at, err, ".role: must be one of system, developer, user, assistant, tool");
    if (content <= PM_JNULL && *role != ROLE_ASSISTANT)
        return bad_item(at, err, ".content: missing");
    return true;
}

/* Of a long text only both ends and the length are hashed: that tells conversations apart, and a
 * whole image would cost more than all the rest of the walk. */
static uint64_t hash_ends(struct pm_str s)
{
    enum { HEAD = 64, TAIL = 64 };
    struct {
        uint64_t n, head, tail;
    } parts = {.n = s.n};

    if (s.n <= HEAD + TAIL)
        return pm_hash_stable(s);
    parts.head = pm_hash_stable(pm_str_cut(s, 0, HEAD));
    parts.tail = pm_hash_stable(pm_str_cut(s, s.n - TAIL, s.n));
    return pm_hash_stable(pm_str_n((const char *)&parts, sizeof(parts)));
}

bool front_read_messages(struct pm_jiter *outer, struct pm_jval *whole, struct front_content *c,
                         struct pm_error *err)
{
    struct place at = {.list = "messages"};
    struct pm_jiter it = pm_json_enter(outer);
    struct pm_str instruction = PM_NSTR, turn = PM_NSTR;
    uint64_t both[2];

    *c = (struct front_content){.modalities = PM_MOD_TEXT};
    if (pm_json_type(outer) != PM_JARR)
        return pm_fail(err, PM_EINVAL, "messages: must be an array");
    for (; pm_json_more(&it); at.item++) {
        enum role role = ROLE_UNKNOWN;
        struct pm_jiter message = it;
        struct pm_str *first;

        if (!read_message(&message, &at, &role, c, err))
            return false;
        first = role == ROLE_INSTRUCTION ? &instruction : &turn;
        if (!first->p)
            *first = pm_str_n(it.p, (size_t)(message.p - it.p));
        it = message;
    }
    if (at.item == 0)
        return pm_fail(err, PM_EINVAL, "messages: must not be empty");
    *whole = pm_json_leave(outer, &it);
    both[0] = hash_ends(instruction);
    both[1] = hash_ends(turn);
    c->conversation = pm_hash_stable(pm_str_n((const char *)both, sizeof(both))) | 1;
    return true;
}

/* Tokens count as their digits, which is near enough. */
static bool is_token_list(struct pm_jval list)
{
    struct pm_jiter it = pm_json_iter(list);
    struct pm_jval v;

    while (pm_json_item(&it, &v)) {
        if (v.type != PM_JNUM)
            return false;
    }
    return true;
}

/* {"content": ...}, for embeddings of more than text. */
static bool read_input_object(struct pm_jiter *outer, struct place *at, struct front_content *c,
                              struct pm_error *err)
{
    struct pm_jiter it = pm_json_enter(outer);
    enum pm_jtype content = PM_JNONE;
    struct pm_str key;

    while (pm_json_name(&it, &key)) {
        if (!pm_str_eq(key, PM_STR("content")))
            pm_json_take(&it);
        else if (!read_content(&it, at, c, &content, err))
            return false;
    }
    pm_json_leave(outer, &it);
    return content > PM_JNULL || bad_item(at, err, ".content: missing");
}

bool front_read_input(const char *name, struct pm_jiter *outer, struct pm_jval *whole,
                      struct front_content *c, struct pm_error *err)
{
    struct place at = {.list = name};
    struct pm_jiter it = pm_json_enter(outer);

    *c = (struct front_content){.modalities = PM_MOD_TEXT};
    if (pm_json_type(outer) == PM_JSTR) {
        *whole = pm_json_take(outer);
        c->text_bytes = (int64_t)whole->raw.n;
        return true;
    }
    if (pm_json_type(outer) != PM_JARR)
        return front_member_misfit(name, TYPE_STR | TYPE_ARR, err);
    for (; pm_json_more(&it); at.item++) {
        struct pm_jval item;

        if (pm_json_type(&it) == PM_JOBJ) {
            if (!read_input_object(&it, &at, c, err))
                return false;
            continue;
        }
        item = pm_json_take(&it);
        if (item.type != PM_JSTR && item.type != PM_JNUM &&
            !(item.type == PM_JARR && is_token_list(item)))
            return bad_item(&at, err, ": must be a string, a token or a list of tokens");
        c->text_bytes += (int64_t)item.raw.n;
    }
    if (at.item == 0)
        return pm_fail(err, PM_EINVAL, "%s: must not be empty", name);
    *whole = pm_json_leave(outer, &it);
    return true;
}
