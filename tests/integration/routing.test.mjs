// SPDX-License-Identifier: Apache-2.0
// Which provider is asked: ids, suffixes, aliases, presets, preferences, policies, sticky sessions.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { Agent, build, hi, say, Sim, World } from './harness.mjs';

const run = promisify(execFile);
const text = { input: ['text'], output: ['text'] };
const noTools = ['max_tokens', 'temperature', 'stop', 'top_p'];
let sim, agent, keyed;

// Three endpoints of one model; `cheap` is also the one that keeps what it is sent.
const model = 'acme/chat';
const keys = { eu: 'sk-pm-v1-eu', plain: 'sk-pm-v1-plain', old: 'sk-pm-v1-old', off: 'sk-pm-v1-off' };
const sha256 = key => createHash('sha256').update(key).digest('hex');

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  world.provider('cheap', 'openai~cheap', { data: { trains: true, retention_days: 30 }, regions: ['us'] });
  world.provider('mid', 'groq~mid', { regions: ['eu'] });
  world.provider('dear', 'vllm~dear', { regions: ['us'] });
  world.provider('own', 'vllm~own', { private: true, key: undefined });
  const price = (input, output) => ({ price: { input, output } });
  world.model(model, {
    cheap: { ...price(1, 2), parameters: noTools, context: 8000 },
    mid: { ...price(2, 4), quantization: 'fp8' },
    dear: { ...price(20, 40), quantization: 'bf16' },
  });
  world.model('acme/small', { mid: price(1, 1) });
  world.model('acme/ours', { own: price(0, 0), dear: price(20, 40) });
  world.model('acme/pictures', { mid: { ...price(1, 1), modalities: { input: ['text', 'image'], output: ['text'] } }, dear: { ...price(1, 1), modalities: text } });
  const cached = { price: { input: 1, output: 1, cache_read: 0.1 } };
  world.model('acme/cached', { cheap: cached, mid: cached, dear: cached });
  world.config.aliases = { best: { models: [model, 'acme/small'], sort: 'price' } };
  world.config.presets = { terse: { models: ['acme/small'], system: 'Be brief.', request: { max_tokens: 7 } } };
  agent = await Agent.start(world);
  keyed = await Agent.start(world, config => {
    config.policies = { teams: { eu: { regions: ['eu'] } } };
    config.keys = {
      eu: { sha256: sha256(keys.eu), policy: 'eu' },
      plain: { sha256: sha256(keys.plain) },
      old: { sha256: sha256(keys.old), expires: '2020-01-01' },
      off: { sha256: sha256(keys.off), disabled: true },
    };
  });
});
after(async () => {
  await keyed?.close();
  await agent?.close();
  await sim?.stop();
});

/// The slugs that answer `n` calls, each once.
async function providers(body, n = 1) {
  const seen = [];
  for (let i = 0; i < n; i++) {
    const answer = await agent.chat({ model, ...body });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    seen.push(answer.body.provider.toLowerCase());
  }
  return [...new Set(seen)].sort();
}
const one = async body => (await providers(body))[0];
const refusal = async (body, status) => {
  const answer = await agent.chat({ model, ...body });
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  return answer.body.error;
};

describe('preferences', () => {
  const cases = [
    ['sort by price', { provider: { sort: 'price' } }, 'cheap'],
    [':floor', { model: `${model}:floor` }, 'cheap'],
    ['order', { provider: { order: ['dear', 'mid'] } }, 'dear'],
    ['order in capitals', { provider: { order: ['Dear'] } }, 'dear'],
    ['order with one that does not serve the model', { provider: { order: ['own', 'dear'] } }, 'dear'],
    ['only', { provider: { only: ['dear'] } }, 'dear'],
    ['ignore', { provider: { ignore: ['cheap', 'dear'] } }, 'mid'],
    ['max_price', { provider: { max_price: { prompt: 1.5 } } }, 'cheap'],
    ['max_price as text', { provider: { max_price: { completion: '2.5' } } }, 'cheap'],
    ['quantizations', { provider: { quantizations: ['fp8'] } }, 'mid'],
    ['data_collection', { provider: { data_collection: 'deny', sort: 'price' } }, 'mid'],
    ['zdr', { provider: { zdr: true, sort: 'price' } }, 'mid'],
    ['tools', { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }], provider: { sort: 'price' } }, 'mid'],
    ['require_parameters', { seed: 4, provider: { require_parameters: true, sort: 'price' } }, 'mid'],
    ['a prompt longer than one window', { messages: [...hi, { role: 'system', content: 'word '.repeat(9000) }], provider: { sort: 'price' } }, 'mid'],
    ['max_tokens beyond one window', { max_tokens: 9000, provider: { sort: 'price' } }, 'mid'],
    ['own machines first', { model: 'acme/ours' }, 'own'],
    ['pictures', { model: 'acme/pictures', messages: [{ role: 'user', content: [{ type: 'text', text: 'say: seen' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }] }] }, 'mid'],
  ];
  for (const [name, body, wanted] of cases) test(name, async () => assert.equal(await one(body), wanted));
});

test('by default calls are balanced, the cheaper the more', async () => {
  const count = {};
  for (let i = 0; i < 60; i++) {
    const name = await one({ messages: say(`balance ${i}`) });
    count[name] = (count[name] ?? 0) + 1;
  }
  // Weights 1/1², 1/2², 1/20²: 400 to 100 to 1.
  assert.ok(count.cheap > 30, JSON.stringify(count));
  assert.ok(count.mid > 1 && count.mid < count.cheap, JSON.stringify(count));
  assert.ok((count.dear ?? 0) < 5, JSON.stringify(count));
});

test('a session stays with its provider, where that has a cache to win from', async () => {
  for (let session = 0; session < 5; session++) {
    const body = { model: 'acme/cached', messages: say('x') };
    assert.equal((await providers({ ...body, session_id: `session-${session}` }, 8)).length, 1);
    const long = [...say('x'), { role: 'system', content: `${'context '.repeat(200)}` }];
    assert.equal((await providers({ ...body, messages: long, prompt_cache_key: `key-${session}` }, 8)).length, 1);
  }
});

test('a conversation that was read from a cache stays there, without being named', async () => {
  for (let n = 0; n < 5; n++) {
    const first = [{ role: 'system', content: `${'context '.repeat(200)}${n}` }, { role: 'user', content: `question ${n}` }];
    const began = await one({ model: 'acme/cached', messages: first });
    for (let turn = 1; turn < 5; turn++) {
      const messages = [...first, { role: 'assistant', content: 'lorem' }, { role: 'user', content: `turn ${turn}` }];
      assert.equal(await one({ model: 'acme/cached', messages }), began);
    }
  }
});

test('aliases and presets', async () => {
  const alias = await agent.chat({ model: 'best' });
  assert.equal(alias.body.model, model);
  assert.equal(alias.body.provider, 'CHEAP');
  const preset = await agent.chat({ model: '@preset/terse' });
  assert.equal(preset.body.model, 'acme/small');
  assert.equal(preset.body.usage.completion_tokens, 7, 'max_tokens of the preset');
  const own = await agent.chat({ model: '@preset/terse', max_tokens: 3 });
  assert.equal(own.body.usage.completion_tokens, 3, 'the request wins');
  const mixed = await agent.chat({ model: `${model}@preset/terse`, provider: { only: ['mid'] } });
  assert.equal(mixed.body.model, model);
});

test('refusals name what excluded the endpoints', async () => {
  const cases = [
    [{ provider: { only: ['mid'], ignore: ['mid'] } }, 404, 'allowed_providers'],
    [{ provider: { max_price: { prompt: 0.1 } } }, 404, 'max_price'],
    [{ provider: { quantizations: ['int4'] } }, 404, 'quantization'],
    [{ provider: { only: ['cheap'], zdr: true } }, 404, 'data_policy:zdr'],
    [{ provider: { only: ['cheap'], data_collection: 'deny' } }, 404, 'data_policy:training'],
    [{ seed: 3, provider: { only: ['cheap'], require_parameters: true } }, 404, 'require_parameters'],
  ];
  for (const [body, status, rule] of cases) {
    const error = await refusal(body, status);
    assert.ok(error.availability.excluded_by.includes(rule), `${rule}: ${JSON.stringify(error)}`);
  }
  const long = await refusal({ messages: [{ role: 'user', content: 'word '.repeat(150000) }] }, 400);
  assert.match(long.message, /maximum context length/);
  assert.equal(long.metadata.error_type, 'context_length_exceeded');
});

test('a policy narrows what a key may use, and nothing widens it', async () => {
  const ask = (key, body) => keyed.chat({ model, ...body }, { headers: key ? { authorization: `Bearer ${key}` } : {} });
  for (let i = 0; i < 6; i++) assert.equal((await ask(keys.eu, {})).body.provider, 'MID');
  const outside = await ask(keys.eu, { provider: { order: ['dear'], only: ['dear', 'cheap'] } });
  assert.ok([403, 404].includes(outside.status), JSON.stringify(outside.body));
  assert.equal((await ask(keys.plain, { provider: { order: ['dear'] } })).body.provider, 'DEAR');
  for (const key of [keys.old, keys.off, 'sk-pm-v1-unknown', null]) {
    const { status, body } = await ask(key, {});
    assert.equal(status, 401, String(key));
    assert.equal(body.error.code, 401);
  }
});

test('a record is for its own key only', async () => {
  const headers = key => ({ headers: { authorization: `Bearer ${key}` } });
  const { body } = await keyed.chat({ model }, headers(keys.plain));
  assert.equal((await keyed.get(`generation?id=${body.id}`, headers(keys.plain))).status, 200);
  assert.equal((await keyed.get(`generation?id=${body.id}`, headers(keys.eu))).status, 404);
  assert.equal((await keyed.get(`generation?id=${body.id}`)).status, 401);
});

test('explain tells the same without sending anything', async () => {
  const request = path.join(agent.dir, 'request.json');
  await writeFile(request, JSON.stringify({ model, messages: hi, provider: { order: ['dear'], ignore: ['cheap'] } }));
  const before = (await sim.stats()).requests;
  const table = await run(path.join(build, 'pointsman-agent'), ['explain', '--config', agent.file, '--request', request], {
    env: { ...process.env, SIM_KEY: 'x' },
  });
  assert.ok(table.stdout.indexOf('dear') < table.stdout.indexOf('mid'), table.stdout);
  assert.match(table.stdout, /cheap.*ignore/i);
  const json = await run(path.join(build, 'pointsman-agent'), ['explain', '--config', agent.file, '--request', request, '--output', 'json'], {
    env: { ...process.env, SIM_KEY: 'x' },
  });
  assert.match(JSON.stringify(JSON.parse(json.stdout)), /dear/);
  assert.equal((await sim.stats()).requests, before + 1, 'but for the two looks at the statistics');
});

test('--check tells every mistake with its line', async () => {
  const file = path.join(agent.dir, 'bad.yaml');
  await writeFile(file, 'agent:\n  listen: {port: many}\nnonsense: 1\nproviders:\n  x: {base_url: nowhere}\n');
  const error = await run(path.join(build, 'pointsman-agent'), ['--config', file, '--check']).then(
    () => assert.fail('it passed'),
    reason => reason,
  );
  assert.equal(error.code, 1);
  for (const place of [/:2:.*port/, /:3:.*nonsense/, /:5:.*base_url/]) assert.match(error.stderr, place);
});
