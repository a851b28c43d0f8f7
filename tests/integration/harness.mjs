// SPDX-License-Identifier: Apache-2.0
// Starts the provider simulator and the agent on free ports of the loopback, and talks to both.
// PM_BUILD names the folder with the programs (default: build/release of this tree).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = path.resolve(process.env.PM_BUILD ?? path.join(root, 'build/release'));
/// Programs with sanitizers are several times slower.
export const slow = /asan|tsan/.test(build);

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/// Calls `probe` until it gives something true; fails with `what` after `ms`.
export async function until(what, probe, ms = 10000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) assert.fail(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

export async function freePort() {
  const server = net.createServer();
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/// A child process whose stderr is kept. What a sanitizer finds fails the test that ends it.
class Program {
  constructor(name, args, env = {}) {
    this.name = name;
    this.log = '';
    this.child = spawn(path.join(build, name), args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout.on('data', bytes => (this.log += bytes));
    this.child.stderr.on('data', bytes => (this.log += bytes));
    this.exited = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    this.exited.catch(() => {});
    // A test that fails before it stops what it started must not keep its process from ending.
    for (const handle of [this.child, this.child.stdout, this.child.stderr]) handle.unref();
    running.add(this.child);
    this.child.on('exit', () => running.delete(this.child));
  }

  get pid() {
    return this.child.pid;
  }

  checkSound() {
    assert.doesNotMatch(this.log, /Sanitizer|runtime error:/, `${this.name} said:\n${this.log.slice(-8000)}`);
  }

  kill() {
    return this.stop('SIGKILL');
  }

  async stop(signal = 'SIGTERM', ms = 30000) {
    if (!this.exit) this.child.kill(signal);
    let timer;
    const gaveUp = new Promise(resolve => (timer = setTimeout(resolve, ms, 'timeout')));
    const end = await Promise.race([this.exited, gaveUp]);
    clearTimeout(timer);
    if (end === 'timeout') {
      this.child.kill('SIGKILL');
      await this.exited;
      assert.fail(`${this.name} did not stop within ${ms} ms:\n${this.log.slice(-4000)}`);
    }
    this.checkSound();
    return this.exit;
  }
}

export class Sim extends Program {
  static async start() {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'pm-sim-'));
    const file = path.join(dir, 'port');
    const sim = new Sim('pointsman-sim', ['--listen', '127.0.0.1:0', '--port-file', file]);
    const port = await until('the simulator listens', async () => {
      assert.ok(!sim.exit, `the simulator ended: ${sim.log}`);
      return Number(await readFile(file, 'utf8').catch(() => ''));
    });
    await rm(dir, { recursive: true });
    sim.port = port;
    sim.url = `http://127.0.0.1:${port}`;
    return sim;
  }

  async admin(method, what, body) {
    const response = await fetch(`${this.url}/_sim/${what}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  }

  script(rules) {
    return this.admin('PUT', 'script', rules);
  }

  /// One more fault for one simulated provider; the earlier ones stay.
  fault(dialect, fault, times = 0, match = {}) {
    return this.admin('POST', 'script', [{ match: { dialect, ...match }, fault, times }]);
  }

  random(settings) {
    return this.admin('PUT', 'random', settings);
  }

  reset() {
    return this.admin('POST', 'reset');
  }

  stats() {
    return this.admin('GET', 'stats');
  }

  async records(filter = () => true) {
    return (await this.admin('GET', 'account')).records.filter(filter);
  }

  /// What was served under an id: the answer's own or that of its x-request-id header.
  async record(id) {
    assert.match(String(id), /sim[-_]\d+$/);
    const { records } = await this.admin('GET', `account?id=${/\d+$/.exec(id)[0]}`);
    return records[0];
  }

  async totals() {
    return (await this.admin('GET', 'account')).totals;
  }
}

/// Where a dialect's API begins below the simulator's root; `name` may be `dialect~suffix`.
export function basePath(name) {
  const tails = {
    deepseek: '',
    alibaba: '/compatible-mode/v1',
    groq: '/openai/v1',
    fireworks: '/inference/v1',
    azure: '/openai/v1',
    openrouter: '/api/v1',
  };
  return `/${name}${tails[name.split('~')[0]] ?? '/v1'}`;
}

/// Providers and models for tests. A lane is a model of its own with two endpoints, so that what
/// one test does to health, keys and cool-downs is no other test's business.
export class World {
  constructor(sim) {
    this.sim = sim;
    this.config = {
      catalogue: { builtin: false },
      agent: {
        listen: { address: '127.0.0.1', port: 0 },
        probes: { address: '127.0.0.1', port: 0 },
        timeouts: {
          connect: '2s',
          first_token: '1500ms',
          token_idle: '1500ms',
          total: '4s',
          comment_after: 0,
        },
        retry: { attempts: 8, percent: 100, floor_per_second: 1000 },
        breaker: { failures: 1000, open: '1s' },
        log: { level: 'info', format: 'json' },
      },
      providers: {},
      models: {},
    };
    this.lanes = 0;
  }

  provider(slug, simName, more = {}) {
    this.config.providers[slug] = {
      name: more.name ?? slug.toUpperCase(),
      protocol: 'openai',
      dialect: simName.split('~')[0],
      base_url: `${this.sim.url}${basePath(simName)}`,
      key: { env: 'SIM_KEY' },
      data: { trains: false, retention_days: 0 },
      ...more,
    };
    return slug;
  }

  /// USD per million tokens.
  model(id, endpoints, more = {}) {
    this.config.models[id] = { context: 128000, max_output: 16384, ...more, endpoints };
    return id;
  }

  lane(dialects = ['openai', 'groq'], more = {}) {
    const n = ++this.lanes;
    const lane = { model: `lane/m${n}`, order: [], sims: [] };
    const endpoints = {};
    dialects.forEach((dialect, i) => {
      const simName = `${dialect}~${n}x${i}`;
      const slug = this.provider(`p${n}x${i}`, simName);
      lane.order.push(slug);
      lane.sims.push(simName);
      // What Groq takes depends on the model's name.
      const name = dialect === 'groq' ? 'openai/gpt-oss-120b' : 'sim-model';
      endpoints[slug] = { model: name, price: { input: 1 + i, output: 3 + i } };
    });
    this.model(lane.model, endpoints, more);
    [lane.a, lane.b] = lane.sims;
    return lane;
  }
}

export class Agent extends Program {
  /// `world` or a whole configuration; `setup` may change it.
  static async start(world, setup = () => {}, reuse = null, env = {}) {
    const dir = reuse?.dir ?? (await mkdtemp(path.join(os.tmpdir(), 'pm-agent-')));
    const config = structuredClone(world.config);
    config.agent.spool = { dir: path.join(dir, 'spool'), ...config.agent.spool };
    config.agent.listen.port ||= reuse?.port ?? (await freePort());
    config.agent.probes.port ||= reuse?.probePort ?? (await freePort());
    setup(config);
    const file = path.join(dir, 'agent.yaml');
    await writeFile(file, JSON.stringify(config, null, 1));
    const agent = new Agent('pointsman-agent', ['--config', file], { SIM_KEY: 'sk-sim-0123456789', ...env });
    Object.assign(agent, { dir, file, config });
    agent.port = config.agent.listen.port;
    agent.probePort = config.agent.probes.port;
    agent.url = `http://127.0.0.1:${agent.port}`;
    await until('the agent answers', async () => {
      if (agent.exit) assert.fail(`the agent ended (${JSON.stringify(agent.exit)}):\n${agent.log}`);
      const response = await fetch(`${agent.url}/v1/models/count`).catch(() => null);
      await response?.arrayBuffer();
      return response;
    });
    return agent;
  }

  /// Writes a changed configuration; SIGHUP makes it count.
  async rewrite(change) {
    change(this.config);
    await writeFile(`${this.file}.new`, JSON.stringify(this.config, null, 1));
    await rename(`${this.file}.new`, this.file); // never half of it
  }

  async close() {
    const exit = await this.stop();
    assert.deepEqual(exit, { code: 0, signal: null }, `the agent did not stop cleanly:\n${this.log.slice(-4000)}`);
    await rm(this.dir, { recursive: true, force: true });
  }

  post(what, body, options = {}) {
    return fetch(`${this.url}/v1/${what}`, {
      method: 'POST',
      ...options,
      headers: { 'content-type': 'application/json', ...options.headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
  }

  /// A chat without a stream: {status, headers, body}.
  async chat(body, options) {
    const response = await this.post('chat/completions', { messages: hi, ...body }, options);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /// A streamed chat: {status, headers, events, done, error, body}. Events are the parsed chunks.
  async stream(body, options) {
    const response = await this.post('chat/completions', { messages: hi, stream: true, ...body }, options);
    return readStream(response);
  }

  async get(what, options) {
    const response = await fetch(`${this.url}/v1/${what}`, options);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /// The record of a finished call.
  async generation(id) {
    return until(`generation ${id}`, async () => {
      const { status, body } = await this.get(`generation?id=${id}`);
      return status === 200 && body.data;
    });
  }

  async metrics() {
    const response = await fetch(`http://127.0.0.1:${this.probePort}/metrics`);
    return response.text();
  }
}

export const hi = [{ role: 'user', content: 'hello' }];
export const say = text => [{ role: 'user', content: `say: ${text}` }];

/// The events of a server-sent stream, as strict as a careful client.
export async function readStream(response) {
  const result = { status: response.status, headers: response.headers, events: [], comments: [], done: false };
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream')) {
    result.body = await response.json();
    return result;
  }
  let text = '';
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    for await (const bytes of response.body) text += decoder.decode(bytes, { stream: true });
  } catch (error) {
    result.broken = error;
  }
  result.raw = text;
  for (const block of text.split('\n\n')) {
    if (block.startsWith(':')) result.comments.push(block);
    else if (block === 'data: [DONE]') result.done = true;
    else if (block !== '') {
      assert.match(block, /^data: \{.*\}$/, 'each event is one line of JSON');
      assert.ok(!result.done, 'nothing follows the end mark');
      result.events.push(JSON.parse(block.slice(6)));
    }
  }
  result.error = result.events.find(event => event.error)?.error;
  result.usage = result.events.filter(event => event.usage).at(-1)?.usage;
  result.text = result.events.map(event => event.choices?.[0]?.delta?.content ?? '').join('');
  result.finish = result.events.map(event => event.choices?.[0]?.finish_reason).filter(Boolean).at(-1);
  result.id = result.events[0]?.id;
  return result;
}

/// The words that the simulator answers with, unless told otherwise.
export function words(n = 20) {
  const list =
    'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt café labore magna'.split(' ');
  return Array.from({ length: n }, (_, i) => `${list[i % list.length]} `).join('');
}

/// Sends raw bytes and collects what comes back until the peer closes or `ms` pass without a byte.
export function raw(port, chunks, { ms = 1500, end = false } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    const result = { text: '', closed: false, reset: false };
    let timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    }
    socket.setNoDelay(true);
    socket.on('data', bytes => {
      result.text += bytes.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(finish, ms);
    });
    socket.on('end', () => {
      result.closed = true;
      finish();
    });
    socket.on('error', error => {
      if (!['ECONNRESET', 'EPIPE'].includes(error.code)) return reject(error);
      result.reset = result.closed = true;
      finish();
    });
    socket.on('connect', async () => {
      for (const chunk of [].concat(chunks)) {
        if (typeof chunk === 'number') await sleep(chunk);
        else if (!socket.destroyed) socket.write(Buffer.from(chunk, 'latin1'));
      }
      if (end) socket.end();
    });
  });
}

/// Answers in a raw text: [{status, head, body}]; lengths as the heads say.
export function answersIn(text) {
  const answers = [];
  let rest = text;
  while (rest.startsWith('HTTP/1.')) {
    const split = rest.indexOf('\r\n\r\n');
    if (split < 0) break;
    const head = rest.slice(0, split);
    const status = Number(head.split(' ')[1]);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const from = split + 4;
    answers.push({ status, head, body: rest.slice(from, from + length) });
    rest = rest.slice(from + length);
  }
  return answers;
}

export const post = (path, body, more = '') =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;
