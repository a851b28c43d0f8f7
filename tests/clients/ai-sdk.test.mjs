// SPDX-License-Identifier: Apache-2.0
// Vercel's AI SDK with OpenRouter's provider for it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createOpenRouter } from '@openrouter/ai-sdk-provider';
import { APICallError, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import { Agent, Sim, until, words, World } from '../integration/harness.mjs';

let sim, agent, openrouter;
let plain, tools, schema, embed, thinker, failing, midstream, slowLane, retry;

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  plain = world.lane();
  tools = ['openai', 'xai', 'mistral', 'ollama'].map(dialect => world.lane([dialect]));
  schema = world.lane(['openai']);
  embed = world.lane(['openai'], { modalities: { input: ['text'], output: ['embedding'] } });
  thinker = world.lane(['deepseek'], {
    reasoning: true,
    parameters: ['max_tokens', 'temperature', 'stop', 'tools', 'tool_choice', 'reasoning', 'include_reasoning'],
  });
  failing = world.lane();
  midstream = world.lane(['openai']);
  slowLane = world.lane(['openai']);
  retry = world.lane(['openai']);
  agent = await Agent.start(world);
  openrouter = createOpenRouter({ baseURL: `${agent.url}/api/v1`, apiKey: 'sk-none', compatibility: 'strict' });
});
after(async () => {
  await agent?.close();
  await sim?.stop();
});

test('generateText', async () => {
  const { text, usage, finishReason, providerMetadata } = await generateText({
    model: openrouter.chat(plain.model, { usage: { include: true } }),
    prompt: 'say: all good',
  });
  assert.equal(text, 'all good');
  assert.equal(finishReason, 'stop');
  assert.equal(usage.outputTokens, 2);
  assert.ok(providerMetadata.openrouter.usage.cost > 0);
  assert.ok(plain.order.map(slug => slug.toUpperCase()).includes(providerMetadata.openrouter.provider));
});

test('streamText', async () => {
  const result = streamText({ model: openrouter.chat(plain.model), prompt: 'hello' });
  const parts = [];
  for await (const part of result.textStream) parts.push(part);
  assert.equal(parts.join(''), words(20));
  assert.ok(parts.length > 1);
  assert.equal((await result.usage).outputTokens, 20);
  assert.equal(await result.finishReason, 'stop');
});

test('tools over several steps', async () => {
  for (const lane of tools) {
    const seen = [];
    const options = {
      model: openrouter.chat(lane.model),
      prompt: 'calls: 2',
      stopWhen: stepCountIs(3),
      tools: {
        weather: tool({
          description: 'The weather of a city',
          inputSchema: z.object({ city: z.string(), days: z.number().int().min(2) }),
          execute: async input => {
            seen.push(input);
            return { sunny: true };
          },
        }),
      },
    };
    const whole = await generateText(options);
    assert.equal(whole.text, words(20), lane.a);
    const streamed = streamText(options);
    assert.equal(await streamed.text, words(20), lane.a);
    assert.deepEqual(seen, Array(4).fill({ city: 'lorem', days: 2 }), lane.a);
  }
});

test('generateObject', async () => {
  const shape = z.object({ title: z.string(), pages: z.number(), kind: z.enum(['novel', 'poem']) });
  const { object } = await generateObject({ model: openrouter.chat(schema.model), schema: shape, prompt: 'a book' });
  assert.deepEqual(shape.parse(object), object);
});

test('reasoning', async () => {
  const model = openrouter.chat(thinker.model, { reasoning: { effort: 'low' } });
  const whole = await generateText({ model, prompt: 'hm' });
  assert.equal(whole.reasoningText, words(5));
  const streamed = streamText({ model, prompt: 'hm' });
  assert.equal(await streamed.reasoningText, words(5));
  assert.equal(await streamed.text, words(20));
});

test('embedMany', async () => {
  const { embeddings } = await embedMany({ model: openrouter.textEmbeddingModel(embed.model), values: ['a', 'b', 'c'] });
  assert.deepEqual(embeddings.map(vector => vector.length), [8, 8, 8]);
});

test('errors keep their status and text', async () => {
  for (const dialect of failing.sims) await sim.fault(dialect, { kind: 'status', status: 400 });
  await assert.rejects(
    generateText({ model: openrouter.chat(failing.model), prompt: 'x', maxRetries: 0 }),
    error => APICallError.isInstance(error) && error.statusCode === 400 && !error.isRetryable,
  );
});

test('retries until it is served', async () => {
  await sim.fault(retry.a, { kind: 'status', status: 503 }, 2); // the agent itself asks twice
  const { text } = await generateText({ model: openrouter.chat(retry.model), prompt: 'say: third', maxRetries: 2 });
  assert.equal(text, 'third');
});

test('an error in the middle of a stream is an error part', async () => {
  await sim.fault(midstream.a, { kind: 'reset', after: 4 }, 1);
  const result = streamText({ model: openrouter.chat(midstream.model), prompt: 'x', onError: () => {} });
  const kinds = [];
  for await (const part of result.fullStream) kinds.push(part.type);
  assert.ok(kinds.includes('error'));
  assert.equal(await result.finishReason, 'error');
});

test('an abort ends the call at the provider', async () => {
  await sim.fault(slowLane.a, { kind: 'slow_tokens', ms: 50 });
  const controller = new AbortController();
  const result = streamText({
    model: openrouter.chat(slowLane.model),
    prompt: 'words: 1000',
    abortSignal: controller.signal,
    onError: () => {},
  });
  for await (const part of result.fullStream) if (part.type === 'text-delta') controller.abort();
  await until('the provider saw the client leave', async () => {
    const [record] = await sim.records(each => each.dialect === slowLane.a);
    return record.outcome === 'client_closed';
  }, 1000);
});
