// SPDX-License-Identifier: Apache-2.0
// Every way in which a provider can fail, before and after the client has seen something.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Agent, say, Sim, sleep, words, World } from './harness.mjs';

let sim, agent;
const lanes = new Map();

// Before the first content the client must not notice: the next provider answers.
const unseen = {
  'status 500': { kind: 'status', status: 500 },
  'status 502': { kind: 'status', status: 502 },
  'status 503': { kind: 'status', status: 503 },
  'status 504': { kind: 'status', status: 504 },
  'status 529': { kind: 'status', status: 529 },
  'status 429': { kind: 'status', status: 429 },
  'status 408': { kind: 'status', status: 408 },
  'status 401': { kind: 'status', status: 401 },
  'status 402': { kind: 'status', status: 402 },
  'status 403': { kind: 'status', status: 403 },
  'status 404': { kind: 'status', status: 404 },
  'status 409': { kind: 'status', status: 409 },
  'a quota that is used up': { kind: 'error', error: 'quota' },
  'a request too large for the limit': { kind: 'error', error: 'too_large' },
  'an HTML page with 200': { kind: 'html', status: 200 },
  'an HTML page with 502': { kind: 'html', status: 502 },
  'a huge error body': { kind: 'huge_error', bytes: 8 << 20 },
  'an error under status 200': { kind: 'error_200' },
  'no answer at all': { kind: 'stall_head' },
  'a cut before the head': { kind: 'cut_head' },
  'a reset before the head': { kind: 'reset_head' },
  'half a head': { kind: 'half_head' },
  'garbage for a head': { kind: 'garbage' },
  'another protocol': { kind: 'not_http' },
  'a head and then nothing': { kind: 'stall_body' },
  'a head and then the end': { kind: 'empty_body' },
  'no choices': { kind: 'no_choices' },
  'only a role': { kind: 'role_only' },
  'an error as first event': { kind: 'error_first' },
  'a cut before content': { kind: 'cut', after: 0 },
  'a reset before content': { kind: 'reset', after: 0 },
  'a stall before content': { kind: 'stall', after: 0 },
  'a broken chunk before content': { kind: 'bad_chunk', after: 0 },
  'an error event before content': { kind: 'error_mid', after: 0 },
};

// Odd, but an answer.
const harmless = {
  'CRLF line ends': { kind: 'crlf' },
  'comments between events': { kind: 'comments' },
  'no space after the colon': { kind: 'no_space' },
  'a byte-order mark': { kind: 'bom' },
  'one byte at a time': { kind: 'split' },
  'a connection closed afterwards': { kind: 'close' },
  'interim responses': { kind: 'interim' },
  'a slow head': { kind: 'slow_head', ms: 400 },
  'a head byte by byte': { kind: 'slow_head_bytes', ms: 2 },
  'a slow first token': { kind: 'slow_first', ms: 400 },
  'slow tokens': { kind: 'slow_tokens', ms: 20 },
  'a pause': { kind: 'pause', ms: 400, after: 2 },
  'cumulative usage in every chunk': { kind: 'usage_every' },
  'usage inside the choice': { kind: 'usage_choice' },
  'usage inside x_groq': { kind: 'usage_x_groq' },
  'usage beside the finish reason': { kind: 'usage_finish' },
  'usage null in every chunk': { kind: 'usage_null' },
  'the role in every chunk': { kind: 'role_repeated' },
  'null members': { kind: 'null_members' },
  'no end mark': { kind: 'no_done' },
  'data after the end mark': { kind: 'after_done' },
  'the other content type than asked': { kind: 'other_kind' },
  'several at once': { kind: ['crlf', 'comments', 'null_members', 'usage_every', 'role_repeated', 'no_done', 'split'] },
};

// After content: told, never hidden and never spliced with another provider's text.
const seen = {
  'an error event': { kind: 'error_mid', after: 3 },
  'a cut': { kind: 'cut', after: 3 },
  'a reset': { kind: 'reset', after: 3 },
  'a stall': { kind: 'stall', after: 3 },
  'a broken chunk': { kind: 'bad_chunk', after: 3 },
  'no finish reason': { kind: 'no_finish' },
  'no finish reason and no end mark': { kind: ['no_finish', 'no_done'] },
  'finish reason error': { kind: 'finish', reason: 'error' },
};

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  for (const [group, faults] of Object.entries({ unseen, harmless, seen }))
    for (const name of Object.keys(faults))
      for (const form of ['stream', 'whole']) lanes.set(`${group} ${form} ${name}`, world.lane(['openai', 'openai']));
  for (const name of ['single', 'cool', 'key', 'dates', 'ms', 'noFallbacks']) lanes.set(name, world.lane());
  lanes.set('big', world.lane(undefined, { context: 4000000 }));
  lanes.set('single', world.lane(['openai']));
  lanes.set('single ms', world.lane(['openai']));
  lanes.set('single date', world.lane(['openai']));
  agent = await Agent.start(world);
});
after(async () => {
  await agent?.close();
  await sim?.stop();
});

const recordsOf = dialect => sim.records(record => record.dialect === dialect);

async function ask(lane, stream, more = {}) {
  const body = { model: lane.model, provider: { order: lane.order }, ...more };
  if (stream) return agent.stream(body);
  const answer = await agent.chat(body);
  return {
    ...answer,
    id: answer.body.id,
    text: answer.body.choices?.[0].message.content,
    finish: answer.body.choices?.[0].finish_reason,
    usage: answer.body.usage,
    done: true,
  };
}

for (const form of ['stream', 'whole']) {
  describe(`${form}: unseen`, () => {
    for (const [name, fault] of Object.entries(unseen))
      test(name, async () => {
        const lane = lanes.get(`unseen ${form} ${name}`);
        await sim.fault(lane.a, fault);
        const answer = await ask(lane, form === 'stream');
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        assert.equal(answer.text, words(20));
        assert.ok(answer.done);
        const [first, second] = [await recordsOf(lane.a), await recordsOf(lane.b)];
        // On a kept connection that dies without a byte the request is sent once more.
        const most = ['cut_head', 'reset_head'].includes(fault.kind) ? 2 : 1;
        assert.ok(first.length >= 1 && first.length <= most, `the first provider was asked ${first.length} times`);
        assert.equal(second.length, 1, 'the second provider was asked once');
        assert.equal(second[0].outcome, 'complete');
        const generation = await agent.generation(answer.id);
        assert.equal((await sim.record(generation.upstream_id)).n, second[0].n);
        assert.equal(generation.tokens_completion, 20);
      });
  });

  describe(`${form}: harmless`, () => {
    for (const [name, fault] of Object.entries(harmless))
      test(name, async () => {
        const lane = lanes.get(`harmless ${form} ${name}`);
        await sim.fault(lane.a, fault);
        const answer = await ask(lane, form === 'stream');
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        assert.equal(answer.text, words(20));
        assert.equal(answer.finish, 'stop');
        assert.ok(answer.done);
        const [record] = await recordsOf(lane.a);
        assert.equal(answer.usage.prompt_tokens, record.prompt_tokens);
        assert.equal(answer.usage.completion_tokens, record.completion_tokens);
        assert.equal((await recordsOf(lane.b)).length, 0, 'no second provider was needed');
      });
  });
}

describe('stream: seen', () => {
  for (const [name, fault] of Object.entries(seen))
    test(name, async () => {
      const lane = lanes.get(`seen stream ${name}`);
      await sim.fault(lane.a, fault);
      const answer = await ask(lane, true);
      assert.equal(answer.status, 200);
      assert.ok(words(20).startsWith(answer.text) && answer.text !== '', answer.text);
      assert.equal(answer.done, false, 'no end mark after an error');
      assert.equal(answer.finish, 'error');
      assert.equal(typeof answer.error.code, 'number');
      const last = answer.events.at(-1);
      assert.ok(last.error && last.id && last.model && last.object && last.choices.length === 1);
      assert.equal((await recordsOf(lane.b)).length, 0, 'two answers are never spliced');
      assert.equal((await agent.generation(answer.id)).total_cost, 0, 'a broken answer costs nothing');
    });
});

describe('whole: an answer that breaks has not been seen', () => {
  for (const name of ['a cut', 'a reset', 'a stall'])
    test(name, async () => {
      const lane = lanes.get(`seen whole ${name}`);
      await sim.fault(lane.a, seen[name]);
      const answer = await ask(lane, false);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal(answer.text, words(20));
      assert.equal((await recordsOf(lane.b)).length, 1);
    });
});

describe('Retry-After', () => {
  for (const [name, fault] of [
    ['single', { retry_after: '1' }],
    ['single ms', { retry_after_ms: 1000 }],
    ['single date', { retry_after_date: 2 }],
  ])
    test(`a short one is waited for when there is no other provider: ${name}`, async () => {
      const lane = lanes.get(name);
      await sim.fault(lane.a, { kind: 'status', status: 429, ...fault }, 1);
      const began = Date.now();
      const answer = await ask(lane, false);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.ok(Date.now() - began >= 900, `after ${Date.now() - began} ms`);
      assert.equal((await recordsOf(lane.a)).length, 2);
    });

  test('a provider is left alone until then', async () => {
    const lane = lanes.get('cool');
    await sim.fault(lane.a, { kind: 'status', status: 429, retry_after: '2' }, 1);
    for (let i = 0; i < 3; i++) assert.equal((await ask(lane, false)).status, 200);
    assert.equal((await recordsOf(lane.a)).length, 1);
    assert.equal((await recordsOf(lane.b)).length, 3);
    await sleep(2300);
    assert.equal((await ask(lane, false)).status, 200);
    assert.equal((await recordsOf(lane.a)).length, 2, 'and asked again afterwards');
  });
});

test('a key that was refused is set aside', async () => {
  const lane = lanes.get('key');
  await sim.fault(lane.a, { kind: 'status', status: 401 });
  for (let i = 0; i < 3; i++) assert.equal((await ask(lane, false)).status, 200);
  assert.equal((await recordsOf(lane.a)).length, 1);
});

test('without fallbacks the first failure is the answer', async () => {
  const lane = lanes.get('noFallbacks');
  await sim.fault(lane.a, { kind: 'status', status: 503 });
  const { status, body } = await agent.chat({
    model: lane.model,
    provider: { order: [lane.order[0]], allow_fallbacks: false },
  });
  assert.equal(status, 503);
  assert.equal(body.error.code, 503);
  assert.equal((await recordsOf(lane.b)).length, 0);
});

test('a body of several megabytes reaches the second provider whole', async () => {
  const lane = lanes.get('big');
  await sim.fault(lane.a, { kind: 'status', status: 503 });
  const text = 'é'.repeat(2 << 20);
  const answer = await agent.chat({
    model: lane.model,
    provider: { order: lane.order },
    messages: [...say('took it'), { role: 'system', content: text }],
  });
  assert.equal(answer.body.choices?.[0].message.content, 'took it', JSON.stringify(answer.body).slice(0, 500));
  const [record] = await recordsOf(lane.b);
  assert.ok(record.prompt_tokens >= (4 << 20) / 4);
});

describe('circuit breaker', () => {
  let other, lane, both;
  before(async () => {
    const world = new World(sim);
    world.lanes = 500; // names of its own
    lane = world.lane();
    both = world.lane();
    other = await Agent.start(world, config => (config.agent.breaker = { failures: 3, open: '1s' }));
  });
  after(() => other?.close());

  const one = which => other.chat({ model: which.model, provider: { order: which.order } });

  test('an endpoint that keeps failing is left alone, then tried by one request', async () => {
    await sim.fault(lane.a, { kind: 'status', status: 503 }, 3);
    for (let i = 0; i < 8; i++) assert.equal((await one(lane)).status, 200);
    assert.equal((await recordsOf(lane.a)).length, 3);
    await sleep(1200);
    await sim.fault(lane.a, { kind: 'slow_head', ms: 300 }, 1);
    const many = await Promise.all(Array.from({ length: 10 }, () => one(lane)));
    assert.ok(many.every(answer => answer.status === 200));
    assert.equal((await recordsOf(lane.a)).length, 4, 'one probe while it is half open');
    assert.equal((await one(lane)).status, 200);
    assert.equal((await recordsOf(lane.a)).length, 5, 'closed after a success');
  });

  test('when all are open the least bad is tried all the same', async () => {
    for (const dialect of both.sims) await sim.fault(dialect, { kind: 'status', status: 503 }, 8);
    for (let i = 0; i < 4; i++) await one(both);
    const before = (await recordsOf(both.a)).length + (await recordsOf(both.b)).length;
    await one(both);
    const after = (await recordsOf(both.a)).length + (await recordsOf(both.b)).length;
    assert.ok(after > before);
  });
});

test('retries are a share of the traffic', async () => {
  const world = new World(sim);
  world.lanes = 600;
  const lane = world.lane();
  await sim.fault(lane.a, { kind: 'status', status: 500 });
  const other = await Agent.start(world, config => (config.agent.retry = { attempts: 8, percent: 10, floor_per_second: 1 }));
  try {
    const began = Date.now();
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => other.chat({ model: lane.model, provider: { order: lane.order } })),
    );
    const seconds = Math.ceil((Date.now() - began) / 1000) + 1;
    // Some calls go to the second provider at once, when the breaker of the first has opened.
    const fallbacks = [...(await other.metrics()).matchAll(/^pointsman_fallbacks_total\{.*\} (\d+)$/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
    assert.ok(fallbacks >= 1 && fallbacks <= 6 + 10 * seconds, `${fallbacks} fallbacks`);
    assert.ok(answers.filter(answer => answer.status === 200).length === (await recordsOf(lane.b)).length);
    assert.ok(answers.every(answer => [200, 503].includes(answer.status)));
  } finally {
    await other.close();
  }
});
