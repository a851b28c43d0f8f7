// SPDX-License-Identifier: Apache-2.0
// The bill against the truth: what the client is told, what is on record, and what was served.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Agent, say, Sim, World } from './harness.mjs';

const dialects = [
  'openai', 'azure', 'xai', 'deepseek', 'moonshotai', 'alibaba', 'mistral', 'groq', 'together', 'fireworks', 'vllm',
  'llamacpp', 'ollama', 'openrouter',
];
const parameters = [
  'max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'stop', 'seed', 'tools', 'tool_choice',
  'response_format', 'structured_outputs', 'reasoning', 'include_reasoning',
];
// USD per million tokens, as the configuration says them, and the same in pico-dollars per token.
const price = { input: 1.25, output: 10.5, cache_read: 0.125, cache_write: 1.5625 };
const pico = Object.fromEntries(Object.entries(price).map(([name, usd]) => [name, BigInt(usd * 1e6)]));

let sim, agent;
const lanes = {};
let cheap, embed, mixed;

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  for (const dialect of dialects) {
    lanes[dialect] = world.lane([dialect], { reasoning: true, parameters });
    endpointOf(world, lanes[dialect]).price = price;
  }
  cheap = world.lane(['openai']);
  endpointOf(world, cheap).price = { input: 0.003625, output: 0.0145 };
  embed = world.lane(['openai'], { modalities: { input: ['text'], output: ['embedding'] } });
  endpointOf(world, embed).price = { input: 0.02, output: 0 };
  mixed = world.lane(['openai', 'groq', 'deepseek']);
  agent = await Agent.start(world);
});
after(async () => {
  await agent?.close();
  await sim?.stop();
});

function endpointOf(world, lane) {
  return Object.values(world.config.models[lane.model].endpoints)[0];
}

/// What a served answer costs, in nano-dollars, rounded once.
function nano(record, prices = pico) {
  const write = BigInt(record.cache_write_tokens);
  const read = BigInt(record.cached_tokens);
  const sum =
    (BigInt(record.prompt_tokens) - read - write) * prices.input +
    read * (prices.cache_read ?? prices.input) +
    write * (prices.cache_write ?? prices.input) +
    BigInt(record.completion_tokens) * prices.output;
  return (sum + 500n) / 1000n;
}

const asNano = usd => BigInt(Math.round(usd * 1e9));
const long = [{ role: 'user', content: `${'some context. '.repeat(400)} words: 33` }];

for (const dialect of dialects)
  for (const stream of [false, true])
    test(`${dialect}, ${stream ? 'stream' : 'whole'}: tokens and cost are those that were served`, async () => {
      const lane = lanes[dialect];
      const body = { model: lane.model, messages: long, reasoning: { effort: 'high' } };
      const answer = stream ? await agent.stream(body) : await agent.chat(body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const usage = stream ? answer.usage : answer.body.usage;
      const id = stream ? answer.id : answer.body.id;
      assert.equal(answer.headers.get('x-generation-id'), id);
      const generation = await agent.generation(id);
      const record = await sim.record(generation.upstream_id);
      assert.equal(record.dialect, lane.a);
      assert.equal(record.completion_tokens, 33 + 5);
      const told = tellsCache(dialect) ? record : { ...record, cached_tokens: 0, cache_write_tokens: 0 };
      // OpenRouter says itself what it charges: the simulator, a micro-dollar for each token.
      const cost = dialect === 'openrouter' ? BigInt(record.prompt_tokens + record.completion_tokens) * 1000n : nano(told);

      assert.equal(usage.prompt_tokens, record.prompt_tokens);
      assert.equal(usage.completion_tokens, record.completion_tokens);
      assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
      assert.equal(usage.completion_tokens_details.reasoning_tokens, 5);
      assert.equal(usage.prompt_tokens_details.cached_tokens, told.cached_tokens);
      assert.equal(asNano(usage.cost), cost);
      assert.equal(generation.native_tokens_prompt, record.prompt_tokens);
      assert.equal(generation.native_tokens_completion, record.completion_tokens);
      assert.equal(generation.native_tokens_reasoning, 5);
      assert.equal(generation.native_tokens_cached, told.cached_tokens);
      assert.equal(asNano(generation.total_cost), cost);
      assert.equal(generation.streamed, stream);
      const parts = usage.cost_details;
      const sum = asNano(parts.upstream_inference_prompt_cost) + asNano(parts.upstream_inference_completions_cost);
      assert.ok(sum - cost <= 1n && cost - sum <= 1n, `${sum} and ${cost}`);
    });

function tellsCache(dialect) {
  return !['together', 'llamacpp', 'ollama'].includes(dialect);
}

test('the finest price is neither lost nor rounded up', async () => {
  const answer = await agent.chat({ model: cheap.model, messages: say('x') });
  const generation = await agent.generation(answer.body.id);
  const record = await sim.record(generation.upstream_id);
  const exact = BigInt(record.prompt_tokens) * 3625n + BigInt(record.completion_tokens) * 14500n;
  const got = asNano(answer.body.usage.cost);
  assert.ok(got >= exact / 1000n && got <= exact / 1000n + 1n, `${got} of ${exact}`);
  assert.ok(got > 0n);
});

test('embeddings are billed by their input', async () => {
  const response = await agent.post('embeddings', { model: embed.model, input: ['one', 'two', 'three'] });
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  const generation = await agent.generation(response.headers.get('x-generation-id'));
  const record = await sim.record(generation.upstream_id);
  assert.equal(body.usage.prompt_tokens, record.prompt_tokens);
  assert.equal(asNano(body.usage.cost), (BigInt(record.prompt_tokens) * 20000n + 500n) / 1000n);
});

test('an answer without usage is estimated, not free', async () => {
  await sim.fault(mixed.a, { kind: 'usage_absent' }, 2);
  for (const stream of [false, true]) {
    const body = { model: mixed.model, provider: { order: [mixed.order[0]] } };
    const answer = stream ? await agent.stream(body) : await agent.chat(body);
    const usage = stream ? answer.usage : answer.body.usage;
    assert.ok(usage.completion_tokens > 0 && usage.prompt_tokens > 0, JSON.stringify(usage));
    assert.ok(usage.cost > 0);
  }
});

test('with failures all around, each answer is billed once and as served', async () => {
  await sim.random({ rate: 0.4, seed: 11, dialects: mixed.sims });
  const calls = Array.from({ length: 80 }, (_, i) => {
    const body = { model: mixed.model, messages: say(`answer number ${i}`) };
    return i % 2 ? agent.stream(body) : agent.chat(body);
  });
  const answers = await Promise.all(calls);
  await sim.random({ rate: 0 });
  const prices = Object.fromEntries(
    mixed.sims.map((dialect, i) => [dialect, { input: BigInt(1 + i) * 1000000n, output: BigInt(3 + i) * 1000000n }]),
  );
  const upstream = new Set();
  let good = 0;
  for (const [i, answer] of answers.entries()) {
    const usage = answer.usage ?? answer.body?.usage;
    const id = answer.id ?? answer.body?.id;
    if (answer.status !== 200 || answer.error || (i % 2 && !answer.done)) continue;
    good++;
    const generation = await agent.generation(id);
    const record = await sim.record(generation.upstream_id);
    assert.ok(!upstream.has(record.id), 'no served answer stands on two bills');
    upstream.add(record.id);
    assert.equal(usage.completion_tokens, record.completion_tokens);
    assert.equal(asNano(usage.cost), nano(record, prices[record.dialect]));
    assert.equal(asNano(generation.total_cost), asNano(usage.cost));
  }
  assert.ok(good >= 40, `${good} of 80 were served`);
});
