// SPDX-License-Identifier: Apache-2.0
// The official OpenAI library, with nothing changed but its base URL.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { Agent, hi, say, Sim, sleep, until, words, World } from '../integration/harness.mjs';

let sim, agent, client;
let plain, tools, schema, embed, floats, slowLane, midstream, retry, pair, moved;
const failing = {}; // lanes in which every endpoint fails, by the error's name

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  plain = world.lane();
  tools = ['openai', 'xai', 'mistral', 'groq', 'ollama', 'deepseek'].map(dialect => world.lane([dialect]));
  schema = world.lane(['openai']);
  embed = world.lane(['openai'], { modalities: { input: ['text'], output: ['embedding'] } });
  floats = world.lane(['mistral'], { modalities: { input: ['text'], output: ['embedding'] } });
  slowLane = world.lane(['openai']);
  midstream = world.lane();
  retry = world.lane(['openai']);
  pair = world.lane();
  moved = world.lane();
  for (const [name, { alone }] of Object.entries(errorClasses)) failing[name] = world.lane(alone ? ['openai'] : undefined);
  agent = await Agent.start(world);
  client = connect('/v1');
});
after(async () => {
  await agent?.close();
  await sim?.stop();
});

function connect(path, options) {
  return new OpenAI({ baseURL: `${agent.url}${path}`, apiKey: 'sk-none', maxRetries: 0, ...options });
}

const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 } },
      required: ['city', 'days'],
    },
  },
};
const ping = { type: 'function', function: { name: 'ping', parameters: { type: 'object', properties: {} } } };

test('chat', async () => {
  const { data, response } = await client.chat.completions
    .create({ model: plain.model, messages: say('hello there') })
    .withResponse();
  assert.equal(data.choices[0].message.content, 'hello there');
  assert.equal(data.choices[0].message.role, 'assistant');
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.model, plain.model);
  assert.match(data.id, /^gen-\d{10}-[A-Za-z0-9]{20}$/);
  assert.equal(response.headers.get('x-generation-id'), data.id);
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.ok(data.usage.cost > 0);
});

test('both base URLs serve the same', async () => {
  for (const path of ['/v1', '/api/v1']) {
    const answer = await connect(path).chat.completions.create({ model: plain.model, messages: say('same') });
    assert.equal(answer.choices[0].message.content, 'same');
  }
});

test('streaming', async () => {
  const stream = await client.chat.completions.create({
    model: plain.model,
    messages: hi,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let last;
  const ids = new Set();
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    ids.add(chunk.id);
    last = chunk;
  }
  assert.equal(text, words(20));
  assert.equal(ids.size, 1);
  assert.equal(last.usage.completion_tokens, 20);
});

test('the .stream() helper puts it together', async () => {
  const runner = client.chat.completions.stream({ model: plain.model, messages: say('piece by piece') });
  const deltas = [];
  runner.on('content', delta => deltas.push(delta));
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].message.content, 'piece by piece');
  assert.equal(deltas.join(''), 'piece by piece');
  assert.equal(final.choices[0].finish_reason, 'stop');
});

test('several choices', async () => {
  const answer = await client.chat.completions.create({ model: schema.model, messages: say('again'), n: 3 });
  assert.deepEqual(answer.choices.map(choice => [choice.index, choice.message.content]), [[0, 'again'], [1, 'again'], [2, 'again']]);
  const runner = client.chat.completions.stream({ model: schema.model, messages: say('again'), n: 2 });
  const final = await runner.finalChatCompletion();
  assert.deepEqual(final.choices.map(choice => choice.message.content), ['again', 'again']);
});

test('tools, whichever way the provider words its calls', async () => {
  for (const lane of tools) {
    const body = { model: lane.model, messages: [{ role: 'user', content: 'calls: 3' }], tools: [weather, ping] };
    const whole = (await client.chat.completions.create(body)).choices[0];
    const streamed = (await client.chat.completions.stream(body).finalChatCompletion()).choices[0];
    for (const choice of [whole, streamed]) {
      assert.equal(choice.finish_reason, 'tool_calls', lane.a);
      const calls = choice.message.tool_calls;
      assert.deepEqual(calls.map(call => [call.type, call.function.name, JSON.parse(call.function.arguments)]), [
        ['function', 'weather', { city: 'lorem', days: 2 }],
        ['function', 'ping', {}],
        ['function', 'weather', { city: 'lorem', days: 2 }],
      ], lane.a);
      assert.equal(new Set(calls.map(call => call.id)).size, 3, lane.a);
    }
  }
});

test('a loop over several turns with runTools', async () => {
  for (const lane of tools) {
    let asked = 0;
    const runner = client.chat.completions.runTools({
      model: lane.model,
      messages: hi,
      stream: lane === tools[0],
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            parameters: weather.function.parameters,
            parse: JSON.parse,
            function: args => {
              asked++;
              assert.deepEqual(args, { city: 'lorem', days: 2 });
              return 'sunny';
            },
          },
        },
      ],
    });
    assert.equal(await runner.finalContent(), words(20), lane.a);
    assert.equal(asked, 1);
    const records = await sim.records(record => record.dialect === lane.a);
    assert.ok(records.slice(-2).every(record => record.outcome === 'complete' && record.unknown === ''), lane.a);
  }
});

test('structured output', async () => {
  const person = z.object({
    name: z.string(),
    age: z.int(),
    tags: z.array(z.string()),
    home: z.object({ kind: z.enum(['house', 'flat']) }).nullable(),
  });
  const body = { model: schema.model, messages: hi, response_format: zodResponseFormat(person, 'person') };
  const parsed = (await client.chat.completions.parse(body)).choices[0].message.parsed;
  assert.deepEqual(person.parse(parsed), parsed);
  const streamed = await client.chat.completions.stream(body).finalChatCompletion();
  assert.deepEqual(streamed.choices[0].message.parsed, parsed);
});

test('legacy completions', async () => {
  const answer = await client.completions.create({ model: plain.model, prompt: 'say: once upon' });
  assert.equal(answer.choices[0].text, 'once upon');
  assert.equal(answer.object, 'text_completion');
  let text = '';
  for await (const chunk of await client.completions.create({ model: plain.model, prompt: 'x', max_tokens: 4, stream: true }))
    text += chunk.choices[0]?.text ?? '';
  assert.equal(text, words(4));
});

test('embeddings as base64, which the library asks for by itself, and as floats', async () => {
  for (const lane of [embed, floats]) {
    const byDefault = await client.embeddings.create({ model: lane.model, input: ['a', 'b'] });
    const asFloats = await client.embeddings.create({ model: lane.model, input: ['a', 'b'], encoding_format: 'float' });
    assert.equal(byDefault.data.length, 2);
    assert.equal(byDefault.data[0].embedding.length, 8, lane.a);
    assert.deepEqual([...byDefault.data[0].embedding], asFloats.data[0].embedding);
    assert.notDeepEqual(asFloats.data[0].embedding, asFloats.data[1].embedding);
    assert.ok(byDefault.usage.prompt_tokens > 0);
    const base64 = await client.embeddings.create({ model: lane.model, input: 'a', encoding_format: 'base64' });
    assert.equal(typeof base64.data[0].embedding, 'string');
  }
});

test('model list', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes(plain.model));
  assert.equal(new Set(ids).size, ids.length);
  assert.equal((await client.models.retrieve(plain.model)).id, plain.model);
  await assert.rejects(client.models.retrieve('no/such-model'), { status: 404 });
});

// What every endpoint answers, and what the client of a router must then see. A provider that
// refuses the router's own key is the router's failure, never the client's 401; several that
// fail in passing are a 503 together, one alone is told by its own name.
const errorClasses = {
  invalid_request: { fault: { kind: 'status', status: 400 }, type: 'BadRequestError', status: 400 },
  context_length: { fault: { kind: 'error', error: 'context_length' }, type: 'BadRequestError', status: 400 },
  content_policy: { fault: { kind: 'error', error: 'content_policy' }, type: 'BadRequestError', status: 400 },
  auth: { fault: { kind: 'status', status: 401 }, type: 'InternalServerError', status: 502 },
  quota: { fault: { kind: 'error', error: 'quota' }, type: 'APIError', status: 402 },
  payment: { fault: { kind: 'status', status: 402 }, type: 'APIError', status: 402 },
  region: { fault: { kind: 'status', status: 451 }, type: 'PermissionDeniedError', status: 403 },
  permission: { fault: { kind: 'status', status: 403 }, type: 'NotFoundError', status: 404 },
  not_found: { fault: { kind: 'status', status: 404 }, type: 'NotFoundError', status: 404 },
  rate_limit: { fault: { kind: 'status', status: 429, retry_after: '9' }, type: 'RateLimitError', status: 429 },
  server: { fault: { kind: 'status', status: 500 }, type: 'InternalServerError', status: 503 },
  bad_gateway: { fault: { kind: 'status', status: 502 }, type: 'InternalServerError', status: 503 },
  overloaded: { fault: { kind: 'status', status: 503 }, type: 'InternalServerError', status: 503 },
  busy: { fault: { kind: 'status', status: 529 }, type: 'InternalServerError', status: 503 },
  timeout: { fault: { kind: 'stall_head' }, type: 'InternalServerError', status: 503 },
  'timeout alone': { fault: { kind: 'stall_body' }, alone: true, type: 'APIError', status: 408 },
  'edge_timeout alone': { fault: { kind: 'html', status: 524 }, alone: true, type: 'APIError', status: 408 },
  empty: { fault: { kind: 'empty_body' }, type: 'InternalServerError', status: 503 },
  reset: { fault: { kind: 'reset_head' }, type: 'InternalServerError', status: 503 },
  'garbage alone': { fault: { kind: 'garbage' }, alone: true, type: 'InternalServerError', status: 502 },
};

for (const [name, { fault, type, status }] of Object.entries(errorClasses)) {
  test(`${name} of every provider is a ${type} with status ${status}`, async () => {
    const lane = failing[name];
    for (const dialect of lane.sims) await sim.fault(dialect, fault);
    for (const stream of [false, true]) {
      const error = await client.chat.completions.create({ model: lane.model, messages: hi, stream }).then(
        () => assert.fail('it did not fail'),
        reason => reason,
      );
      assert.ok(error instanceof OpenAI[type], `${error.constructor.name}: ${error.message}`);
      assert.equal(error.status, status, error.message);
      assert.equal(error.error.code, status, JSON.stringify(error.error));
      assert.equal(typeof error.error.message, 'string');
      assert.equal(typeof error.error.metadata.error_type, 'string');
      assert.doesNotMatch(JSON.stringify(error.error), /sk-sim/);
      if (name === 'rate_limit') assert.ok(Number(error.headers.get('retry-after')) >= 1);
    }
  });
}

test('an unknown model and a wrong type are bad requests', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'no/such', messages: hi }), error => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.match(error.message, /no\/such is not a valid model ID/);
    return true;
  });
  await assert.rejects(client.chat.completions.create({ model: plain.model, messages: 'hi' }), OpenAI.BadRequestError);
});

test('an error in the middle of a stream is raised', async () => {
  for (const kind of ['error_mid', 'cut', 'reset', 'stall', 'bad_chunk']) {
    await sim.fault(midstream.a, { kind, after: 3 }, 1);
    const stream = await client.chat.completions.create({
      model: midstream.model,
      messages: hi,
      stream: true,
      provider: { order: [midstream.order[0]] },
    });
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    }, error => error instanceof OpenAI.APIError && error.code !== undefined, kind);
    assert.ok(words(20).startsWith(text) && text.length > 0 && text.length < words(20).length, `${kind}: ${text}`);
  }
});

test('an abort ends the call at the provider within a second', async () => {
  await sim.fault(slowLane.a, { kind: 'slow_tokens', ms: 50 });
  const stream = await client.chat.completions.create({
    model: slowLane.model,
    messages: [{ role: 'user', content: 'words: 1000' }],
    stream: true,
  });
  let aborted;
  await (async () => {
    for await (const chunk of stream) {
      if (!aborted && chunk.choices[0]?.delta.content) {
        aborted = Date.now();
        stream.controller.abort();
      }
    }
  })().catch(() => {});
  const record = await until('the provider saw the client leave', async () => {
    const [one] = await sim.records(each => each.dialect === slowLane.a);
    return one.outcome !== 'open' && one;
  });
  assert.equal(record.outcome, 'client_closed');
  assert.ok(record.started + record.closed_ms - aborted < 1000, `${record.started + record.closed_ms - aborted} ms`);
});

test('an abort before the first byte ends the call as well', async () => {
  await sim.fault(moved.a, { kind: 'stall_head' }, 1);
  const controller = new AbortController();
  const call = client.chat.completions.create(
    { model: moved.model, messages: hi, provider: { order: [moved.order[0]], allow_fallbacks: false } },
    { signal: controller.signal },
  );
  setTimeout(() => controller.abort(), 300);
  await assert.rejects(call, OpenAI.APIUserAbortError);
  const aborted = Date.now();
  await until('the provider saw the client leave', async () => {
    const [one] = await sim.records(each => each.dialect === moved.a);
    return one.closed_ms >= 0;
  }, 1000);
  assert.ok(Date.now() - aborted < 1000);
});

test('the library retries by itself, after the time it is told', async () => {
  // One lone endpoint: both the call and its one retry at the same endpoint are refused.
  await sim.fault(retry.a, { kind: 'status', status: 429, retry_after: '3' }, 1);
  const began = Date.now();
  const answer = await connect('/v1', { maxRetries: 2 }).chat.completions.create({ model: retry.model, messages: say('at last') });
  assert.equal(answer.choices[0].message.content, 'at last');
  assert.ok(Date.now() - began >= 2900, `after ${Date.now() - began} ms`);
});

test('models and provider.order are honoured', async () => {
  await sim.fault(pair.a, { kind: 'status', status: 503 });
  await sim.fault(pair.b, { kind: 'status', status: 503 });
  const answer = await client.chat.completions.create({ model: pair.model, models: [plain.model], messages: say('plan b') });
  assert.equal(answer.model, plain.model);
  assert.equal(answer.choices[0].message.content, 'plan b');
  for (const slug of plain.order) {
    const one = await client.chat.completions.create({ model: plain.model, messages: hi, provider: { order: [slug] } });
    assert.equal(one.provider, slug.toUpperCase());
  }
  await sleep(0);
});
