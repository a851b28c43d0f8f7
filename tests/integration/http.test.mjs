// SPDX-License-Identifier: Apache-2.0
// The agent's listener by raw sockets: request smuggling, limits, slow clients, pipelining.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';

import { Agent, answersIn, hi, post, raw, say, Sim, sleep, slow, World } from './harness.mjs';

let sim, agent, strict, plain, bench;

before(async () => {
  sim = await Sim.start();
  const world = new World(sim);
  plain = world.lane(['vllm']);
  bench = world.lane(['vllm']);
  world.config.models[bench.model].endpoints[bench.order[0]].model = 'bench-stream-2000000';
  agent = await Agent.start(world);
  strict = await Agent.start(world, config => {
    config.agent.limits = { head: '8KiB', body: '64KiB', connections: 64 };
    Object.assign(config.agent.timeouts, {
      client_head: '400ms',
      client_body: '400ms',
      client_idle: '600ms',
      client_write: '800ms',
    });
  });
});
after(async () => {
  await strict?.close();
  await agent?.close();
  await sim?.stop();
});

const chat = (text, more = {}) => JSON.stringify({ model: plain.model, messages: say(text), ...more });
const sane = async which => assert.equal((await which.get('models/count')).status, 200);

// What stands behind the first request must never be answered as a second one.
const hidden = 'GET /v1/models/count HTTP/1.1\r\nHost: a\r\n\r\n';
const body5 = 'HELLO';
const headed = (lines, rest) => `POST /v1/chat/completions HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${rest}`;
const refused = {
  'Content-Length and Transfer-Encoding': headed(['Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${hidden}`),
  'Transfer-Encoding and Content-Length': headed(['Host: a', 'Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`),
  'two Content-Lengths that differ': headed(['Host: a', 'Content-Length: 5', 'Content-Length: 50'], `${body5}${hidden}`),
  'two Content-Lengths in one line': headed(['Host: a', 'Content-Length: 5, 50'], `${body5}${hidden}`),
  'a blank before the colon': headed(['Host: a', 'Transfer-Encoding : chunked', 'Content-Length: 5'], `${body5}${hidden}`),
  'a folded header': headed(['Host: a', 'Transfer-Encoding:', ' chunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`),
  'two Transfer-Encodings': headed(['Host: a', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${hidden}`),
  'gzip, chunked': headed(['Host: a', 'Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${hidden}`),
  'chunked, identity': headed(['Host: a', 'Transfer-Encoding: chunked, identity'], `0\r\n\r\n${hidden}`),
  xchunked: headed(['Host: a', 'Transfer-Encoding: xchunked'], `0\r\n\r\n${hidden}`),
  'Content-Length 5abc': headed(['Host: a', 'Content-Length: 5abc'], `${body5}${hidden}`),
  'Content-Length +5': headed(['Host: a', 'Content-Length: +5'], `${body5}${hidden}`),
  'Content-Length -5': headed(['Host: a', 'Content-Length: -5'], `${body5}${hidden}`),
  'Content-Length 0x5': headed(['Host: a', 'Content-Length: 0x5'], `${body5}${hidden}`),
  'Content-Length of 30 digits': headed(['Host: a', `Content-Length: ${'9'.repeat(30)}`], `${body5}${hidden}`),
  'chunk size 0x5': headed(['Host: a', 'Transfer-Encoding: chunked'], `0x5\r\n${body5}\r\n0\r\n\r\n${hidden}`),
  'chunk size -5': headed(['Host: a', 'Transfer-Encoding: chunked'], `-5\r\n${body5}\r\n0\r\n\r\n${hidden}`),
  'chunk size of 20 digits': headed(['Host: a', 'Transfer-Encoding: chunked'], `${'f'.repeat(20)}\r\n${body5}\r\n0\r\n\r\n${hidden}`),
  'NUL in a value': headed(['Host: a', 'X: a\0b', 'Content-Length: 5'], `${body5}${hidden}`),
  'a blank in a name': headed(['Host: a', 'X Y: 1', 'Content-Length: 5'], `${body5}${hidden}`),
  'a CR in a value': headed(['Host: a', 'X: a\rTransfer-Encoding: chunked', 'Content-Length: 5'], `${body5}${hidden}`),
  'no Host': headed(['Content-Length: 5'], `${body5}${hidden}`),
  'two Hosts': headed(['Host: a', 'Host: b', 'Content-Length: 5'], `${body5}${hidden}`),
  'HTTP/1.0 with Transfer-Encoding': `POST /v1/chat/completions HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'HTTP/1.9': `GET /v1/models/count HTTP/1.9\r\nHost: a\r\n\r\n${hidden}`,
  'HTTP/2.0': `GET /v1/models/count HTTP/2.0\r\nHost: a\r\n\r\n${hidden}`,
  'no version': `GET /v1/models/count\r\n\r\n${hidden}`,
  'an empty name': headed(['Host: a', ': x', 'Content-Length: 5'], `${body5}${hidden}`),
  '300 headers': headed(['Host: a', ...Array.from({ length: 300 }, (_, i) => `X-${i}: 1`), 'Content-Length: 5'], `${body5}${hidden}`),
  'TLS on the plain port': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

describe('requests that could be read in two ways are refused', () => {
  for (const [name, text] of Object.entries(refused))
    test(name, async () => {
      const result = await raw(agent.port, text, { ms: 1000 });
      const answers = answersIn(result.text);
      assert.ok(result.closed, `the connection is closed: ${JSON.stringify(result)}`);
      assert.equal(answers.length, 1, JSON.stringify(result));
      assert.ok([400, 431, 501, 505, 413].includes(answers[0].status), String(answers[0].status));
      assert.match(answers[0].head, /connection: close/i);
      const error = JSON.parse(answers[0].body).error;
      assert.equal(error.code, answers[0].status);
    });

  for (const [name, tail] of Object.entries({
    'a chunk without its CRLF': `5\r\n${body5}0\r\n\r\n`,
    'LF in a chunk extension': `5;a\nb\r\n${body5}\r\n0\r\n\r\n`,
    'a plain chunked request': `5\r\n${body5}\r\n0\r\n\r\n`,
  }))
    test(`nothing is served behind ${name}`, async () => {
      const result = await raw(agent.port, headed(['Host: a', 'Transfer-Encoding: chunked'], tail + hidden), { ms: 1000 });
      assert.ok(result.closed);
      assert.equal(answersIn(result.text).length, 1, result.text);
      assert.doesNotMatch(result.text, /"count"/);
    });
});

test('the listener still serves', () => sane(agent));

test('a chunked body is served', async () => {
  const body = chat('in chunks');
  const half = body.length >> 1;
  const chunks = [body.slice(0, half), body.slice(half)].map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
  const result = await raw(agent.port, headed(['Host: a', 'Content-Type: application/json', 'Transfer-Encoding: chunked'], `${chunks}0\r\n\r\n`), { ms: 3000 });
  const [answer] = answersIn(result.text);
  assert.equal(answer.status, 200, result.text);
  assert.equal(JSON.parse(answer.body).choices[0].message.content, 'in chunks');
});

test('pipelined requests are answered one by one, in order', async () => {
  const text = [1, 2, 3, 4].map(n => post('/v1/chat/completions', chat(`n${n}`))).join('');
  const result = await raw(agent.port, text, { ms: 2000 });
  const said = answersIn(result.text).map(answer => JSON.parse(answer.body).choices[0].message.content);
  assert.deepEqual(said, ['n1', 'n2', 'n3', 'n4']);
});

test('a request may come byte by byte', async () => {
  const text = post('/v1/chat/completions', chat('slowly'));
  const result = await raw(agent.port, [...text], { ms: 3000 });
  assert.equal(JSON.parse(answersIn(result.text)[0].body).choices[0].message.content, 'slowly');
});

test('HTTP/1.0 is answered and closed', async () => {
  const result = await raw(agent.port, 'GET /v1/models/count HTTP/1.0\r\nHost: a\r\n\r\n', { ms: 1500 });
  assert.equal(answersIn(result.text)[0].status, 200);
  assert.ok(result.closed);
});

test('Expect: 100-continue gets its go-ahead, then the answer', async () => {
  const body = chat('went ahead');
  const head = post('/v1/chat/completions', body, 'Expect: 100-continue\r\n').slice(0, -body.length);
  const result = await raw(agent.port, [head, 300, body], { ms: 2000 });
  const [first, second] = answersIn(result.text);
  assert.equal(first.status, 100);
  assert.equal(second.status, 200);
});

test('Expect: 100-continue with a body that is too large gets 413 at once', async () => {
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n`;
  const result = await raw(strict.port, head, { ms: 1000 });
  assert.deepEqual(answersIn(result.text).map(answer => answer.status), [413]);
});

test('a body over the limit is 413, told before it has come', async () => {
  const announced = await raw(strict.port, 'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n', { ms: 1000 });
  const chunked = await raw(
    strict.port,
    [headed(['Host: a', 'Transfer-Encoding: chunked'], ''), `20000\r\n${'x'.repeat(0x20000)}`],
    { ms: 1000 },
  );
  for (const result of [announced, chunked]) {
    const [answer] = answersIn(result.text);
    assert.equal(answer?.status, 413, JSON.stringify(result).slice(0, 300));
    assert.equal(JSON.parse(answer.body).error.code, 413);
    assert.ok(result.closed);
  }
  const fits = await raw(strict.port, post('/v1/chat/completions', JSON.stringify({ model: plain.model, messages: [...say('fits'), { role: 'system', content: 'x'.repeat(60000) }] })), { ms: 2000 });
  assert.equal(answersIn(fits.text)[0].status, 200);
});

test('a head over the limit is 431', async () => {
  for (const text of [
    `GET /v1/models/count HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(9000)}\r\n\r\n`,
    `GET /v1/models/count?${'y'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET /v1/models/count HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(100000)}`,
  ]) {
    const result = await raw(strict.port, text, { ms: 1000 });
    assert.ok([431, 414].includes(answersIn(result.text)[0]?.status), JSON.stringify(result).slice(0, 300));
    assert.ok(result.closed);
  }
});

test('slow and silent clients are let go', async () => {
  const cases = {
    'a head that never ends': ['GET /v1/models/count HTTP/1.1\r\nHost: a\r\n', 150, 'X: 1\r\n', 150, 'Y: 1\r\n', 150, 'Z: 1\r\n', 150, 'Q: 1\r\n'],
    'a body that never comes': ['POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"mo'],
    'nothing at all': [''],
    'an answered request and then nothing': ['GET /v1/models/count HTTP/1.1\r\nHost: a\r\n\r\n'],
  };
  const results = await Promise.all(
    Object.entries(cases).map(async ([name, chunks]) => {
      const began = Date.now();
      const result = await raw(strict.port, chunks, { ms: 3000 });
      return { name, result, ms: Date.now() - began };
    }),
  );
  for (const { name, result, ms } of results) {
    assert.ok(result.closed, name);
    assert.ok(ms < 2500, `${name}: ${ms} ms`);
    const [answer] = answersIn(result.text);
    if (name === 'a body that never comes') assert.ok(!answer || answer.status === 408, name);
  }
});

test('a client that closes its half after the request gets its answer or an end, soon', async () => {
  const result = await raw(agent.port, post('/v1/chat/completions', chat('half')), { end: true, ms: 3000 });
  assert.ok(result.closed);
  for (const answer of answersIn(result.text)) assert.equal(answer.status, 200);
  await sane(agent);
});

test('a reader that takes nothing holds the provider back, and is let go', async () => {
  const rss = async () => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${strict.pid}/status`, 'utf8'))[1]);
  const before = await rss();
  const body = JSON.stringify({ model: bench.model, stream: true, messages: hi });
  const socket = net.connect(strict.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(post('/v1/chat/completions', body));
  await sleep(600);
  const grown = (await rss()) - before;
  if (!slow) assert.ok(grown < 8192, `${grown} KiB`);
  const [record] = [await sim.stats()].map(stats => stats.totals[`${bench.a}/bench-stream-2000000`]);
  assert.ok(!record?.complete, 'the provider did not get rid of it');
  await sleep(1200); // client_write is 800 ms
  socket.destroy();
  await sane(strict);
});

test('more connections than allowed wait, and are served', async () => {
  const sockets = await Promise.all(
    Array.from({ length: 100 }, () => new Promise(resolve => {
      const socket = net.connect(strict.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => {});
    })),
  );
  await sleep(50);
  for (const socket of sockets) socket.destroy();
  await sane(strict);
});

test('methods and paths', async () => {
  const status = async (method, path) => (await fetch(`${agent.url}${path}`, { method })).status;
  assert.equal(await status('GET', '/v1/chat/completions'), 405);
  assert.equal(await status('POST', '/v1/models'), 405);
  assert.equal(await status('POST', '/v1/images'), 404);
  assert.equal(await status('GET', '/'), 404);
  assert.equal(await status('GET', '/v2/models'), 404);
  assert.equal(await status('GET', '/v1/models/a/b/c/d/e'), 404);
  for (const path of ['/v1/videos', '/v1/credits', '/api/v1/auth/keys', '/v1/batches']) {
    const response = await fetch(`${agent.url}${path}`, { method: 'POST', body: '{}' });
    assert.equal(response.status, 404);
    const { error } = await response.json();
    assert.equal(error.code, 404);
  }
  const head = await fetch(`${agent.url}/v1/models`, { method: 'HEAD' });
  assert.equal(head.status, 200);
});

test('a web page of another origin gets nothing', async () => {
  const { status } = await agent.chat({ model: plain.model }, { headers: { origin: 'https://evil.example' } });
  assert.equal(status, 403);
});

test('probes and metrics are on their own port', async () => {
  await agent.chat({ model: plain.model });
  const text = await agent.metrics();
  assert.match(text, /^# HELP /m);
  assert.match(text, /^# TYPE \S+ (counter|gauge|histogram)$/m);
  for (const line of text.split('\n'))
    if (line && !line.startsWith('#')) assert.match(line, /^[a-z_:][a-z0-9_:]*(\{[^}]*\})? [-+0-9.eEInfNa]+$/);
  assert.equal((await fetch(`${agent.url}/metrics`)).status, 404);
});
