// SPDX-License-Identifier: Apache-2.0
// Starting, reloading, draining, and being killed at any moment.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { Agent, say, Sim, sleep, until, words, World } from './harness.mjs';

const kills = Number(process.env.PM_KILLS ?? 15);
let sim, world, plain, slowLane;

before(async () => {
  sim = await Sim.start();
  world = new World(sim);
  plain = world.lane(['openai', 'groq']);
  slowLane = world.lane(['openai']);
  await sim.fault(slowLane.a, { kind: 'slow_tokens', ms: 50 });
});
after(() => sim?.stop());

test('a reload under load loses neither a request nor a stream', async () => {
  const agent = await Agent.start(world);
  let over = false;
  let served = 0;
  const worker = async i => {
    while (!over) {
      const model = i % 3 ? plain.model : slowLane.model;
      const answer = await agent.stream({ model });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.ok(answer.done && !answer.error && answer.text === words(20));
      served++;
    }
  };
  const workers = Promise.all(Array.from({ length: 12 }, (_, i) => worker(i))).finally(() => (over = true));
  for (let i = 0; i < 8 && !over; i++) {
    await agent.rewrite(config => (config.models[`added/m${i}`] = config.models[plain.model]));
    agent.child.kill('SIGHUP');
    await until('the new model is served', async () => {
      const { status } = await agent.chat({ model: `added/m${i}` });
      return over || status === 200;
    });
  }
  over = true;
  await workers;
  assert.ok(served > 12);
  await agent.close();
});

test('a bad configuration changes nothing', async () => {
  const agent = await Agent.start(world);
  await agent.rewrite(config => (config.nonsense = { really: true }));
  agent.child.kill('SIGHUP');
  await until('it is said in the log', () => /configuration refused/.test(agent.log));
  assert.match(agent.log, /nonsense/);
  assert.equal((await agent.chat({ model: plain.model })).status, 200);
  await agent.close();
});

test('on SIGTERM running streams end, new connections do not begin', async () => {
  const agent = await Agent.start(world);
  const running = Array.from({ length: 5 }, () => agent.stream({ model: slowLane.model }));
  await sleep(300);
  agent.child.kill('SIGTERM');
  await sleep(150);
  await assert.rejects(fetch(`${agent.url}/v1/models/count`, { headers: { connection: 'close' } }));
  for (const answer of await Promise.all(running)) {
    assert.ok(answer.done && !answer.error, JSON.stringify(answer.error));
    assert.equal(answer.text, words(20));
  }
  await agent.close();
});

test('what takes longer than the drain is cut with an error, not with a clean end', async () => {
  const agent = await Agent.start(world, config => (config.agent.timeouts.drain = '300ms'));
  const running = agent.stream({ model: slowLane.model, messages: [{ role: 'user', content: 'words: 200' }] });
  await sleep(300);
  const began = Date.now();
  const exit = await agent.stop();
  assert.equal(exit.code, 0);
  assert.ok(Date.now() - began < 3000);
  const answer = await running;
  assert.ok(!answer.done);
  assert.ok(answer.error || answer.broken);
  await rm(agent.dir, { recursive: true });
});

test('what was settled is found again after a restart', async () => {
  const first = await Agent.start(world);
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => first.chat({ model: plain.model, messages: say(`n${i}`) })));
  assert.deepEqual(await first.stop(), { code: 0, signal: null });
  const second = await Agent.start(world, undefined, first);
  for (const { body } of answers) {
    const generation = await second.generation(body.id);
    assert.equal(generation.total_cost, body.usage.cost);
  }
  assert.equal((await second.get(`generation?shape=full&id=${answers[0].body.id}`)).status, 200);
  await second.close();
});

test(`killed ${kills} times at any moment: no finished call is lost, no call is billed twice`, { timeout: 600000 }, async () => {
  let agent = await Agent.start(world);
  const finished = [];
  const begun = [];
  let seed = 12345;
  const random = n => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  for (let round = 0; round < kills; round++) {
    let over = false;
    const workers = Array.from({ length: 8 }, async (_, i) => {
      while (!over) {
        const stream = (i + round) % 2 === 0;
        const body = { model: i % 4 ? plain.model : slowLane.model, messages: say(`round ${round} worker ${i}`) };
        try {
          const answer = stream ? await agent.stream(body) : await agent.chat(body);
          const id = stream ? answer.id : answer.body.id;
          if (answer.status !== 200) continue;
          const usage = stream ? answer.usage : answer.body.usage;
          if (stream ? answer.done : usage) finished.push({ id, usage });
          else if (id) begun.push(id);
        } catch {
          if (over) return;
        }
      }
    });
    await sleep(60 + random(300));
    over = true;
    await agent.kill();
    await Promise.all(workers);
    agent = await Agent.start(world, undefined, agent);
  }

  assert.ok(finished.length > kills, `${finished.length} finished calls`);
  const upstream = new Set();
  for (const { id, usage } of finished) {
    const generation = await agent.generation(id);
    assert.equal(generation.total_cost, usage.cost, id);
    assert.equal(generation.native_tokens_completion, usage.completion_tokens);
    const record = await sim.record(generation.upstream_id);
    assert.equal(record.completion_tokens, usage.completion_tokens);
    assert.ok(!upstream.has(record.id), `${record.id} is billed twice`);
    upstream.add(record.id);
  }
  for (const id of begun) assert.ok((await agent.generation(id)).id === id, 'a call that was cut is on record');
  await agent.close();
});

test('the first answer comes soon after the start', async () => {
  const agent = await Agent.start(world);
  assert.equal((await agent.chat({ model: plain.model })).status, 200);
  await agent.close();
});
