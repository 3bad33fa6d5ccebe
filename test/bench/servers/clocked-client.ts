/**
 * Posts one body by the clock, however long answers take, and tells what each waited from the moment it was due. A process
 * of its own with sockets of its own, because what a client throws away must not stop the one that measures: Node's HTTP
 * client beside a load generator paused for 25 ms, twice a second.
 */
import { connect } from 'node:net';
import type { ClockedLoad, ClockedTimes } from '../clocked-load.ts';

const CONNECTIONS = 64;
const HEAD_END = '\r\n\r\n';
const load = JSON.parse(process.argv[2] ?? '') as ClockedLoad;
const { hostname, port, pathname } = new URL(load.url);
const head = Object.entries({ host: `${hostname}:${port}`, ...load.headers }).map(
  ([name, value]) => `${name}: ${value}`,
);
const body = `content-length: ${Buffer.byteLength(load.body)}${HEAD_END}${load.body}`;
const request = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join('\r\n')}\r\n${body}`);
const times = new Float64Array(Math.floor(load.perS * load.seconds));
const idle: (() => void)[] = [];
let [due, asked, answered, latestTickMs] = [0, 0, 0, 0];

await Promise.all(Array.from({ length: CONNECTIONS }, open));
const begin = performance.now();
const timer = setInterval(tick, 1);
let lastTick = begin;

function tick(): void {
  const now = performance.now();
  latestTickMs = Math.max(latestTickMs, now - lastTick);
  lastTick = now;
  due = Math.min(times.length, Math.floor(((now - begin) * load.perS) / 1_000));
  askWhatIsDue();
}

function askWhatIsDue(): void {
  while (asked < due) {
    const ask = idle.pop();
    if (ask === undefined) return;
    ask();
  }
}

/** Resolves when a connection can ask. */
function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let number = 0;
    let held = '';
    const ask = (): void => {
      number = asked;
      asked += 1;
      socket.write(request);
    };
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      held += chunk;
      if (!isWhole(held)) return;
      if (!held.startsWith(`HTTP/1.1 ${load.status} `)) throw new Error(`answered with ${held.slice(0, 200)}`);
      held = '';
      times[number] = performance.now() - begin - (number * 1_000) / load.perS;
      answered += 1;
      idle.push(ask);
      if (answered === times.length) finish();
      else askWhatIsDue();
    });
    socket.once('error', reject).once('connect', () => {
      idle.push(ask);
      resolve();
    });
  });
}

function isWhole(text: string): boolean {
  const end = text.indexOf(HEAD_END);
  if (end < 0) return false;
  const length = /content-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error(`an answer of unknown length: ${text.slice(0, end)}`);
  return text.length >= end + HEAD_END.length + Number(length);
}

function finish(): void {
  clearInterval(timer);
  const beganAtMs = performance.timeOrigin + begin;
  process.send?.({ timesMs: [...times], beganAtMs, latestTickMs } satisfies ClockedTimes, () => process.exit());
}
