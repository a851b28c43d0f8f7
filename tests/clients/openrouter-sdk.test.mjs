// SPDX-License-Identifier: Apache-2.0
// OpenRouter's own library, which checks every answer against a schema.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { OpenRouter } from '@openrouter/sdk';
import * as errors from '@openrouter/sdk/models/errors';

import { Agent, hi, say, Sim, words, World } from '../integration/harness.mjs';

const key = `sk-pm-v1-${'0123456789abcdef'.repeat(4)}`;
let sim, agent, client;
let plain, tool, embed, thinker, midstream, pair, fallback;
const failing = {};

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  plain = world.lane(['openai', 'groq', 'xai']);
  tool = world.lane(['xai']);
  embed = world.lane(['mistral'], { modalities: { input: ['text'], output: ['embedding'] } });
  thinker = world.lane(['deepseek', 'groq', 'openrouter', 'mistral'], {
    reasoning: true,
    parameters: ['max_tokens', 'temperature', 'stop', 'tools', 'tool_choice', 'reasoning', 'include_reasoning'],
  });
  midstream = world.lane();
  pair = world.lane();
  fallback = world.lane();
  for (const [name, { alone }] of Object.entries(errorClasses)) failing[name] = world.lane(alone ? ['openai'] : undefined);
  world.config.keys = {
    tests: { label: 'for tests', sha256: createHash('sha256').update(key).digest('hex') },
  };
  agent = await Agent.start(world);
  client = connect(key);
});
after(async () => {
  await agent?.close();
  await sim?.stop();
});

function connect(apiKey) {
  return new OpenRouter({ serverURL: `${agent.url}/api/v1`, apiKey, retryConfig: { strategy: 'none' } });
}

const send = (chatRequest, more) => client.chat.send({ chatRequest: { messages: hi, ...chatRequest }, ...more });

test('chat', async () => {
  const answer = await send({ model: plain.model, messages: say('hello') });
  assert.equal(answer.choices[0].message.content, 'hello');
  assert.equal(answer.choices[0].finishReason, 'stop');
  assert.equal(answer.model, plain.model);
  assert.ok(answer.usage.cost > 0);
  assert.equal(answer.usage.isByok, false);
  assert.equal(answer.usage.totalTokens, answer.usage.promptTokens + answer.usage.completionTokens);
});

test('streaming: every chunk passes the schema, usage comes last', async () => {
  for (const slug of plain.order) {
    const stream = await send({ model: plain.model, stream: true, provider: { order: [slug] } });
    let text = '';
    let usage;
    for await (const chunk of stream) {
      assert.equal(usage, undefined, 'nothing after the usage');
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    assert.equal(text, words(20), slug);
    assert.equal(usage.completionTokens, 20, slug);
    assert.ok(usage.cost > 0, slug);
  }
});

test('tools in a stream', async () => {
  const tools = [
    { type: 'function', function: { name: 'one', parameters: { type: 'object', properties: { a: { type: 'string' } } } } },
    { type: 'function', function: { name: 'two', parameters: { type: 'object', properties: {} } } },
  ];
  const stream = await send({ model: tool.model, messages: [{ role: 'user', content: 'calls: 2' }], tools, stream: true });
  const calls = [];
  for await (const chunk of stream)
    for (const piece of chunk.choices[0]?.delta.toolCalls ?? []) {
      calls[piece.index] ??= { args: '' };
      if (piece.function?.name) calls[piece.index].name = piece.function.name;
      calls[piece.index].args += piece.function?.arguments ?? '';
    }
  assert.deepEqual(calls, [{ args: '{"a":"lorem"}', name: 'one' }, { args: '{}', name: 'two' }]);
});

test('reasoning, from whichever field the provider has it in', async () => {
  for (const slug of thinker.order) {
    const body = { model: thinker.model, reasoning: { effort: 'low' }, provider: { order: [slug] } };
    const answer = await send(body);
    const { message } = answer.choices[0];
    assert.equal(message.reasoning, words(5), slug);
    assert.equal(message.content, words(20), slug);
    assert.equal(answer.usage.completionTokensDetails.reasoningTokens, 5, slug);
    let text = '';
    for await (const chunk of await send({ ...body, stream: true })) text += chunk.choices[0]?.delta.reasoning ?? '';
    assert.equal(text, words(5), slug);
  }
});

test('the decision is told to who asks for it', async () => {
  await sim.fault(pair.a, { kind: 'status', status: 503 }, 1);
  const answer = await send({ model: pair.model, provider: { order: pair.order } }, { xOpenRouterMetadata: 'enabled' });
  const told = answer.openrouterMetadata;
  assert.equal(told.requested, pair.model);
  assert.equal(told.attempt, 2);
  assert.deepEqual(told.attempts.map(one => one.status), [503, 200]);
  assert.equal(told.endpoints.total, 2);
  assert.equal(told.endpoints.available.filter(one => one.selected).length, 1);
  const silent = await send({ model: plain.model });
  assert.equal(silent.openrouterMetadata, undefined);
});

test('models: list, count, one, its endpoints', async () => {
  const models = [];
  for await (const page of await client.models.list()) models.push(...page.result.data);
  const one = models.find(model => model.id === plain.model);
  assert.ok(one, 'the list has it');
  assert.equal(one.contextLength, 128000);
  assert.equal((await client.models.count()).data.count, models.length);
  const [author, slug] = plain.model.split('/');
  assert.equal((await client.models.get({ author, slug })).data.id, plain.model);
  const { data } = await client.endpoints.list({ author, slug });
  assert.equal(data.id, plain.model);
  assert.deepEqual(data.endpoints.map(endpoint => endpoint.pricing.prompt).sort(), ['0.000001', '0.000002', '0.000003']);
});

test('providers', async () => {
  const { data } = await client.providers.list();
  assert.ok(data.some(provider => provider.slug === plain.order[0]));
});

test('embeddings', async () => {
  const answer = await client.embeddings.generate({ requestBody: { model: embed.model, input: ['x', 'y'] } });
  assert.equal(answer.data.length, 2);
  assert.equal(answer.data[0].embedding.length, 8);
  const base64 = await client.embeddings.generate({ requestBody: { model: embed.model, input: 'x', encodingFormat: 'base64' } });
  const bytes = Buffer.from(base64.data[0].embedding, 'base64');
  assert.equal(bytes.readFloatLE(0), answer.data[0].embedding[0]);
});

test('generation: what the call was, and what it cost', async () => {
  const answer = await send({ model: plain.model, messages: say('to be looked up') });
  const { data } = await client.generations.getGeneration({ id: answer.id });
  assert.equal(data.id, answer.id);
  assert.equal(data.model, plain.model);
  assert.equal(data.nativeTokensPrompt, answer.usage.promptTokens);
  assert.equal(data.nativeTokensCompletion, answer.usage.completionTokens);
  assert.equal(data.totalCost, answer.usage.cost);
  assert.equal(data.finishReason, 'stop');
  assert.equal(data.streamed, false);
  await assert.rejects(client.generations.getGeneration({ id: 'gen-1700000000-aaaaaaaaaaaaaaaaaaaa' }), errors.NotFoundResponseError);
});

test('key', async () => {
  const { data } = await client.apiKeys.getCurrentKeyMetadata();
  assert.equal(data.label, 'for tests');
  assert.ok(data.usage >= 0);
});

test('without a key, or with a wrong one, nothing is served', async () => {
  for (const apiKey of ['', 'sk-pm-v1-wrong'])
    await assert.rejects(
      connect(apiKey).chat.send({ chatRequest: { model: plain.model, messages: hi } }),
      error => error instanceof errors.UnauthorizedResponseError && error.statusCode === 401,
    );
});

const errorClasses = {
  invalid_request: { fault: { kind: 'status', status: 400 }, type: 'BadRequestResponseError' },
  payment: { fault: { kind: 'status', status: 402 }, type: 'PaymentRequiredResponseError' },
  region: { fault: { kind: 'status', status: 451 }, type: 'ForbiddenResponseError' },
  not_found: { fault: { kind: 'status', status: 404 }, type: 'NotFoundResponseError' },
  timeout: { fault: { kind: 'stall_head' }, alone: true, type: 'RequestTimeoutResponseError' },
  too_large: { fault: { kind: 'error', error: 'too_large' }, type: 'PayloadTooLargeResponseError' },
  rate_limit: { fault: { kind: 'status', status: 429, retry_after: '9' }, type: 'TooManyRequestsResponseError' },
  overloaded: { fault: { kind: 'status', status: 503 }, type: 'ServiceUnavailableResponseError' },
  garbage: { fault: { kind: 'garbage' }, alone: true, type: 'BadGatewayResponseError' },
  auth: { fault: { kind: 'status', status: 401 }, type: 'BadGatewayResponseError' },
};

for (const [name, { fault, type }] of Object.entries(errorClasses)) {
  test(`${name} of every provider is a ${type}`, async () => {
    const lane = failing[name];
    for (const dialect of lane.sims) await sim.fault(dialect, fault);
    for (const stream of [false, true])
      await assert.rejects(send({ model: lane.model, stream }), error => {
        assert.equal(error.constructor.name, type, error.message);
        assert.equal(error.error.code, error.statusCode);
        return true;
      });
  });
}

test('an error in the middle of a stream comes as a chunk, and ends it', async () => {
  await sim.fault(midstream.a, { kind: 'cut', after: 3 }, 1);
  const stream = await send({ model: midstream.model, stream: true, provider: { order: [midstream.order[0]] } });
  let last;
  for await (const chunk of stream) last = chunk;
  assert.equal(last.error.code, 502);
  assert.equal(last.choices[0].finishReason, 'error');
});

test('fallback models and max_price', async () => {
  for (const dialect of fallback.sims) await sim.fault(dialect, { kind: 'status', status: 503 });
  const answer = await send({ model: fallback.model, models: [fallback.model, plain.model], messages: say('b') });
  assert.equal(answer.model, plain.model);
  await assert.rejects(
    send({ model: plain.model, provider: { maxPrice: { prompt: '0.5' } } }),
    error => error instanceof errors.NotFoundResponseError,
  );
});
