// SPDX-License-Identifier: Apache-2.0
// Whatever is wrong with a request is the client's 400 in the error envelope, and costs nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Agent, hi, Sim, World } from './harness.mjs';

let sim, agent, plain, embed;
before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  plain = world.lane();
  embed = world.lane(['openai'], { modalities: { input: ['text'], output: ['embedding'] } });
  assert.deepEqual([plain.model, embed.model], [chatModel, embeddingModel]);
  agent = await Agent.start(world, config => (config.agent.log.level = 'debug'));
});
after(async () => {
  await agent?.close();
  await sim?.stop();
});

const secret = 'a-word-that-must-not-be-logged';
const chatModel = 'lane/m1';
const embeddingModel = 'lane/m2';
const base = () => ({ model: chatModel, messages: hi });
const nested = (depth, open, close) => `${open.repeat(depth)}1${close.repeat(depth)}`;
const many = n => `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join(',')}}`;

const bodies = {
  nothing: '',
  blanks: '   ',
  'no JSON': 'hello',
  'half of it': '{"model":"x","messages":[{"role":"us',
  'a list': '[]',
  'a string': '"x"',
  null: 'null',
  'something behind it': `${JSON.stringify(base())} x`,
  'two values': `${JSON.stringify(base())}${JSON.stringify(base())}`,
  'a comma too many': '{"model":"x",}',
  'single quotes': "{'model':'x'}",
  'a comment': '{/* x */"model":"x"}',
  NaN: '{"model":"x","temperature":NaN}',
  'a leading zero': '{"model":"x","temperature":01}',
  'a raw tab in a string': '{"model":"a\tb"}',
  'a byte-order mark': `\ufeff${JSON.stringify(base())}`,
  'invalid UTF-8': Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
  'overlong UTF-8': Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
  'a UTF-8 surrogate': Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
  'a NUL': '{"model":"x\0"}',
  'lists a hundred thousand deep': nested(100000, '[', ']'),
  'objects a hundred thousand deep': nested(100000, '{"a":', '}'),
  'a member two thousand deep': `{"model":"${'x'}","a":${nested(2000, '[', ']')}}`,
  'fifty thousand members': many(50000),
  'model is a number': JSON.stringify({ ...base(), model: 5 }),
  'model is a list': JSON.stringify({ ...base(), model: [] }),
  'model is empty': JSON.stringify({ ...base(), model: '' }),
  'no model': JSON.stringify({ messages: hi }),
  'messages is text': JSON.stringify({ ...base(), messages: 'hi' }),
  'messages is null': JSON.stringify({ ...base(), messages: null }),
  'no messages': JSON.stringify({ model: chatModel }),
  'stream is text': JSON.stringify({ ...base(), stream: 'yes' }),
  'max_tokens is text': JSON.stringify({ ...base(), max_tokens: 'many' }),
  'max_tokens is negative': JSON.stringify({ ...base(), max_tokens: -5 }),
  'models is text': JSON.stringify({ ...base(), models: 'x' }),
  'too many models': JSON.stringify({ ...base(), models: Array(1000).fill('a/b') }),
  'tools is an object': JSON.stringify({ ...base(), tools: {} }),
  'provider is text': JSON.stringify({ ...base(), provider: 'openai' }),
  'an unknown provider preference': JSON.stringify({ ...base(), provider: { sorting: 'price' } }),
  'provider.sort is unknown': JSON.stringify({ ...base(), provider: { sort: 'beauty' } }),
  'provider.order is text': JSON.stringify({ ...base(), provider: { order: 'openai' } }),
  'a price that is no number': JSON.stringify({ ...base(), provider: { max_price: { prompt: 'cheap' } } }),
  'reasoning with both settings': JSON.stringify({ ...base(), reasoning: { effort: 'low', max_tokens: 10 } }),
  'an unknown model': JSON.stringify({ ...base(), model: 'no/such-model' }),
  'an unknown suffix': JSON.stringify({ ...base(), model: `${chatModel}:nonsense` }),
  'an unknown preset': JSON.stringify({ ...base(), model: '@preset/none' }),
  'a model id of a megabyte': JSON.stringify({ ...base(), model: `a/${'b'.repeat(1 << 20)}` }),
};

describe('chat', () => {
  for (const [name, body] of Object.entries(bodies))
    test(name, async () => {
      const began = Date.now();
      const response = await agent.post('chat/completions', body, { headers: { 'x-title': secret } });
      const text = await response.text();
      assert.ok(response.status >= 400 && response.status < 500, `${response.status}: ${text.slice(0, 300)}`);
      assert.match(response.headers.get('content-type'), /^application\/json/);
      const { error } = JSON.parse(text);
      assert.equal(error.code, response.status);
      assert.ok(error.message.length > 0 && error.message.length < 2000, error.message.slice(0, 100));
      assert.equal(typeof error.metadata?.error_type, 'string', text);
      assert.ok(text.length < 8192, 'nothing large is sent back');
      assert.ok(Date.now() - began < 5000);
    });
});

describe('other operations', () => {
  const cases = [
    ['completions', { model: chatModel }],
    ['completions', { model: chatModel, prompt: 5 }],
    ['embeddings', { model: embeddingModel }],
    ['embeddings', { model: embeddingModel, input: {} }],
    ['embeddings', { model: chatModel, input: 'a chat model' }],
    ['embeddings', { model: embeddingModel, input: 'x', encoding_format: 'hex' }],
    ['chat/completions', { model: embeddingModel, messages: hi }],
  ];
  for (const [what, body] of cases)
    test(`${what} ${JSON.stringify(body)}`, async () => {
      const response = await agent.post(what, body);
      const { error } = await response.json();
      assert.ok(response.status >= 400 && response.status < 500, `${response.status}`);
      assert.equal(error.code, response.status);
    });
});

test('an error says which rule excluded which endpoint', async () => {
  for (const [provider, word] of [
    [{ only: ['nobody'] }, /allowed|provider/i],
    [{ ignore: plain.order }, /ignore|allowed|provider/i],
    [{ max_price: { prompt: 0.01 } }, /price/i],
    [{ quantizations: ['fp4'] }, /quantization/i],
  ]) {
    const { status, body } = await agent.chat({ ...base(), provider });
    assert.equal(status, 404, JSON.stringify(body));
    assert.match(JSON.stringify(body.error), word);
  }
});

describe('keys of providers that come with a request', () => {
  for (const [name, value] of Object.entries({
    'no JSON': () => 'sk-of-the-caller-9876',
    'a list': () => '["sk-of-the-caller-9876"]',
    'a number': slug => `{"${slug}":5}`,
    'a list of keys': slug => `{"${slug}":["sk-of-the-caller-9876"]}`,
    'an empty key': slug => `{"${slug}":""}`,
    'a line feed in it': slug => `{"${slug}":"sk\\u000aX-Evil: 1"}`,
  }))
    test(`${name}: refused, and not paid with our own`, async () => {
      const headers = { 'x-provider-api-keys': value(plain.order[0]) };
      const response = await agent.post('chat/completions', JSON.stringify(base()), { headers });
      const { error } = await response.json();
      assert.equal(response.status, 400, JSON.stringify(error));
      assert.match(error.message, /X-Provider-API-Keys/);
    });
});

test('odd but legal JSON passes through untouched', async () => {
  const odd = `{"model":${JSON.stringify(plain.model)},"messages":[{"role":"user","content":"say: \\u0041\\ud83d\\ude00 \\u00e9"}],"seed":9007199254740993,"temperature":1.0,"metadata":{"n":"123456789012345678901234567890"}}`;
  const response = await agent.post('chat/completions', odd);
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.equal(body.choices[0].message.content, 'A😀 é');
});

test('no provider was asked for any of the bad ones, and nothing of them is in the log', async () => {
  const records = await sim.records();
  assert.equal(records.length, 1, 'only the legal one');
  assert.ok(!agent.log.includes(secret));
  assert.ok(!agent.log.includes('sk-sim'));
  assert.ok(!agent.log.includes('b'.repeat(5000)));
});

test('the agent is well', async () => assert.equal((await agent.chat(base())).status, 200));
