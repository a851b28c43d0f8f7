// SPDX-License-Identifier: Apache-2.0
// While a provider thinks: comments to the client, memory for bodies, many streams, and chaos.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Agent, say, Sim, sleep, until, words, World } from './harness.mjs';

let sim;
before(async () => (sim = await Sim.start()));
after(() => sim?.stop());

describe('a stream that is long without content', () => {
  let agent, thinks, moves, fails;
  before(async () => {
    const world = new World(sim);
    thinks = world.lane(['openai']);
    moves = world.lane();
    fails = world.lane();
    agent = await Agent.start(world, config => {
      config.agent.timeouts.comment_after = '200ms';
      config.agent.timeouts.first_token = '1s';
    });
  });
  after(() => agent?.close());

  test('gets a comment, then its answer', async () => {
    await sim.fault(thinks.a, { kind: 'slow_first', ms: 700 });
    const answer = await agent.stream({ model: thinks.model });
    assert.equal(answer.status, 200);
    assert.ok(answer.comments.length >= 1);
    assert.match(answer.comments[0], /^: /);
    assert.equal(answer.text, words(20));
    assert.ok(answer.done);
    assert.equal(answer.headers.get('x-generation-id'), answer.id);
  });

  test('still falls back, as nothing but comments was sent', async () => {
    await sim.fault(moves.a, { kind: 'stall_head' });
    const answer = await agent.stream({ model: moves.model, provider: { order: moves.order } });
    assert.ok(answer.comments.length >= 1);
    assert.equal(answer.text, words(20));
    assert.ok(answer.done && !answer.error);
  });

  test('is told of the failure of all inside the stream, without an end mark', async () => {
    for (const dialect of fails.sims) await sim.fault(dialect, { kind: 'stall_head' });
    const answer = await agent.stream({ model: fails.model });
    assert.equal(answer.status, 200);
    assert.ok(answer.comments.length >= 1);
    assert.equal(typeof answer.error.code, 'number');
    assert.equal(answer.finish, 'error');
    assert.ok(!answer.done);
  });

  test('a call that is no stream waits in silence', async () => {
    const answer = await agent.chat({ model: thinks.model });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.choices[0].message.content, words(20));
  });
});

test('above the memory cap bodies are refused with 503 and Retry-After, not kept', async () => {
  const world = new World(sim);
  world.lanes = 100;
  const lane = world.lane(['openai'], { context: 10000000 });
  const agent = await Agent.start(world, config => (config.agent.limits = { body: '2MiB', memory: '4MiB' }));
  await sim.fault(lane.a, { kind: 'slow_head', ms: 800 });
  const body = { model: lane.model, messages: [...say('kept'), { role: 'system', content: 'x'.repeat(1 << 20) }] };
  const answers = await Promise.all(Array.from({ length: 12 }, () => agent.chat(body)));
  const refused = answers.filter(answer => answer.status === 503);
  const served = answers.filter(answer => answer.status === 200);
  assert.equal(refused.length + served.length, 12, answers.map(answer => answer.status).join(' '));
  assert.ok(served.length >= 1 && refused.length >= 4, `${served.length} served`);
  for (const answer of refused) assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  assert.equal((await agent.chat(body)).status, 200, 'and served again afterwards');
  await agent.close();
});

test('many slow streams at once all end well', async () => {
  const world = new World(sim);
  world.lanes = 200;
  const lane = world.lane(['openai']);
  const agent = await Agent.start(world);
  await sim.fault(lane.a, { kind: 'slow_tokens', ms: 60 });
  const answers = await Promise.all(Array.from({ length: 300 }, () => agent.stream({ model: lane.model })));
  for (const answer of answers) {
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.ok(answer.done && answer.text === words(20));
  }
  await agent.close();
});

test('chaos: whatever fails, every client gets an answer or a clear error, and nothing is left over', { timeout: 120000 }, async () => {
  const world = new World(sim);
  world.lanes = 300;
  const lane = world.lane(['openai', 'groq', 'xai', 'mistral']);
  const agent = await Agent.start(world, config => {
    config.agent.timeouts.first_token = '400ms';
    config.agent.timeouts.token_idle = '400ms';
    config.agent.timeouts.total = '2s';
    config.agent.breaker = { failures: 5, open: '200ms' };
  });
  await sim.random({
    rate: 0.7,
    seed: 2026,
    dialects: lane.sims,
    ms: 100,
    kinds: [
      'status', 'error', 'html', 'huge_error', 'error_200', 'stall_head', 'slow_head', 'cut_head', 'reset_head',
      'half_head', 'garbage', 'not_http', 'interim', 'stall_body', 'slow_first', 'empty_body', 'no_choices',
      'role_only', 'error_first', 'other_kind', 'cut', 'reset', 'stall', 'error_mid', 'garbage_mid', 'bad_chunk',
      'pause', 'wrong_length', 'finish', 'no_finish', 'no_done', 'after_done', 'usage_absent', 'usage_every',
      'usage_choice', 'usage_null', 'args_object', 'role_repeated', 'null_members', 'crlf', 'comments', 'bom', 'split',
      'close',
    ],
  });
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { a: { type: 'string' } } } } }];
  const outcomes = {};
  const client = async i => {
    for (let k = 0; k < 25; k++) {
      const n = i * 25 + k;
      const body = { model: lane.model, messages: n % 4 ? say(`number ${n}`) : undefined };
      if (body.messages === undefined) Object.assign(body, { messages: [{ role: 'user', content: 'go' }], tools });
      let outcome;
      if (n % 7 === 0) {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), (n * 37) % 200);
        await agent.stream({ ...body }, { signal: controller.signal }).catch(() => {});
        outcome = 'aborted';
      } else if (n % 2) {
        const answer = await agent.stream(body);
        if (answer.status === 200) {
          assert.equal(answer.broken, undefined, 'a stream is never cut without a word');
          assert.ok(answer.done !== Boolean(answer.error), 'an end mark or an error, never both or none');
          if (answer.done && n % 4) assert.equal(answer.text, `number ${n}`);
        }
        outcome = answer.status === 200 ? (answer.done ? 'done' : 'error in stream') : answer.status;
      } else {
        const answer = await agent.chat(body);
        if (answer.status === 200 && n % 4) assert.equal(answer.body.choices[0].message.content, `number ${n}`);
        if (answer.status !== 200) assert.equal(answer.body.error.code, answer.status);
        outcome = answer.status;
      }
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => client(i)));
  await sim.random({ rate: 0 });
  const allowed = ['done', 'error in stream', 'aborted', '200', '400', '402', '404', '408', '413', '429', '502', '503'];
  for (const outcome of Object.keys(outcomes)) assert.ok(allowed.includes(outcome), JSON.stringify(outcomes));
  assert.ok((outcomes.done ?? 0) + (outcomes[200] ?? 0) > 100, JSON.stringify(outcomes));
  await until('no call is left over', async () => /^pointsman_\w*inflight\w* 0$/m.test(await agent.metrics()), 5000);
  await sleep(300);
  assert.equal((await agent.chat({ model: lane.model, messages: say('well') })).status, 200);
  await agent.close();
});
