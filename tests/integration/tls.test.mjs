// SPDX-License-Identifier: Apache-2.0
// Providers behind TLS: verified, HTTP/2 where offered, through proxies where the environment says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Agent, Sim, World } from './harness.mjs';

const dir = mkdtempSync(path.join(os.tmpdir(), 'pm-tls-'));
const file = name => path.join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });

let sim, provider;

function makeCertificates() {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=test CA', '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
    '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(file('san'), 'subjectAltName=DNS:localhost');
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
    '-days', '2', '-extfile', 'san', '-out', 'server.pem');
}

/// A provider over TLS that passes everything on to the simulator and remembers how it was reached.
async function startProvider() {
  const seen = { versions: new Set(), sockets: new Set(), requests: 0 };
  const server = http2.createSecureServer({ key: readFileSync(file('server.key')), cert: readFileSync(file('server.pem')), allowHTTP1: true });
  server.on('secureConnection', socket => seen.sockets.add(socket));
  server.on('request', async (request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    seen.requests++;
    seen.versions.add(request.httpVersion);
    const parts = [];
    for await (const part of request) parts.push(part);
    const answer = await fetch(`${sim.url}${request.url}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: request.headers.authorization },
      body: Buffer.concat(parts),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') });
    for await (const part of answer.body) response.write(part);
    response.end();
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { server, seen, port: server.address().port };
}

function world(host, more) {
  const w = new World(sim);
  w.provider('secure', 'openai', { base_url: `https://${host}:${provider.port}/openai/v1`, ...more });
  w.model('tls/model', { secure: { model: 'sim-model', price: { input: 1, output: 2 } } });
  return w;
}

before(async () => {
  makeCertificates();
  sim = await Sim.start();
  provider = await startProvider();
});
after(async () => {
  for (const socket of provider.seen.sockets) socket.destroy();
  provider.server.close();
  await sim.stop();
  rmSync(dir, { recursive: true });
});

test('a provider whose certificate is trusted is reached over HTTP/2, many streams on few connections', async () => {
  const agent = await Agent.start(world('localhost', { ca_file: file('ca.pem') }));
  provider.seen.sockets.clear();
  const answers = await Promise.all(Array.from({ length: 30 }, () => agent.stream({ model: 'tls/model' })));
  for (const answer of answers) {
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.ok(answer.done);
  }
  assert.deepEqual([...provider.seen.versions], ['2.0']);
  assert.ok(provider.seen.sockets.size <= 3, `${provider.seen.sockets.size} connections for 30 streams`);
  await agent.close();
});

test('a certificate that nobody trusts is refused before anything is sent', async () => {
  const agent = await Agent.start(world('localhost', {}));
  const before = provider.seen.requests;
  const answer = await agent.chat({ model: 'tls/model' });
  assert.equal(answer.status, 503);
  assert.match(JSON.stringify(answer.body), /certificate/i, 'it says what is wrong');
  assert.equal(provider.seen.requests, before);
  assert.doesNotMatch(JSON.stringify(answer.body), /sk-sim/);
  await agent.close();
});

test('a certificate for another name is refused', async () => {
  const agent = await Agent.start(world('127.0.0.1', { ca_file: file('ca.pem') }));
  const before = provider.seen.requests;
  assert.equal((await agent.chat({ model: 'tls/model' })).status, 503);
  assert.equal(provider.seen.requests, before);
  await agent.close();
});

test('HTTPS_PROXY is used, and NO_PROXY is honoured', async () => {
  const asked = [];
  const proxy = http.createServer();
  proxy.on('connect', (request, socket, head) => {
    asked.push(request.url);
    const [host, port] = request.url.split(':');
    const upstream = net.connect(Number(port), host === 'localhost' ? '127.0.0.1' : host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${proxy.address().port}`;
  const w = world('localhost', { ca_file: file('ca.pem') });

  const through = await Agent.start(w, undefined, null, { HTTPS_PROXY: address, NO_PROXY: '' });
  assert.equal((await through.chat({ model: 'tls/model' })).status, 200);
  assert.deepEqual([...new Set(asked)], [`localhost:${provider.port}`]);
  await through.close();

  asked.length = 0;
  const past = await Agent.start(w, undefined, null, { HTTPS_PROXY: address, NO_PROXY: 'localhost' });
  assert.equal((await past.chat({ model: 'tls/model' })).status, 200);
  assert.deepEqual(asked, []);
  await past.close();
  proxy.closeAllConnections?.();
  proxy.close();
});
