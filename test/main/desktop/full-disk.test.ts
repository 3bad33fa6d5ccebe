import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLedger } from '../../../main/headless/ledger/ledger.ts';
import { LEDGER_MIGRATIONS } from '../../../main/headless/ledger/migrations.ts';
import { openWholeLedger } from '../../../main/headless/ledger/whole-ledger.ts';
import { countDepartures } from '../../../main/node/departures.ts';
import { openSettings } from '../../../main/settings/settings.ts';
import type { LedgerDeparture } from '../../../shared/ipc/ledger-views.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MINUTE_MS = 60_000;
const PAGE = { before: null, limit: 10 };

test('a ledger that was left half-written is put aside, and the app begins a new one', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'ledger.sqlite');
  const first = openLedger(path);
  for (let i = 0; i < 2_000; i += 1) first.addDeparture({ at: i * MINUTE_MS, kind: 'beat', to: `r${i}`, sizeBytes: 1 });
  first.close();
  const whole = readFileSync(path);
  const broken = [whole.subarray(0, whole.length / 2), Buffer.alloc(8_192, 7), whole.subarray(0, 4_096)];
  for (const [time, bytes] of broken.entries()) {
    writeFileSync(path, bytes);
    const log = collectLog();
    const ledger = openWholeLedger(path, log, time);
    assert.deepEqual(ledger.departures(PAGE), []);
    ledger.addDeparture({ at: 0, kind: 'beat', to: 'r', sizeBytes: 1 });
    assert.equal(ledger.departures(PAGE).length, 1);
    ledger.close();
    assert.deepEqual(readFileSync(join(folder, `ledger.damaged-${time}.sqlite`)), bytes, 'nothing of it is lost');
    assert.match(log.lines.join('\n'), /put aside/);
  }
});

test('a ledger of another program or a newer version is left where it is', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'ledger.sqlite');
  openLedger(path, [...LEDGER_MIGRATIONS, { id: 99_999, sql: 'CREATE TABLE later (x)' }]).close();
  assert.throws(() => openWholeLedger(path, collectLog(), 0), isProblem('data_folder_unusable', /newer Sparewatt/));
  assert.deepEqual(readdirSync(folder), ['ledger.sqlite']);
});

test('a ledger that cannot be opened now, though nothing says that it is damaged, is left where it is', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'ledger.sqlite');
  mkdirSync(path);
  assert.throws(() => openWholeLedger(path, collectLog(), 0), /it is a folder\. Move it away/);
  assert.deepEqual(readdirSync(folder), ['ledger.sqlite']);
});

test('a disk that is full ends nothing: what left the machine is written when there is room again', () => {
  const log = collectLog();
  let isFull = true;
  const written: Pick<LedgerDeparture, 'kind' | 'sizeBytes'>[] = [];
  const departures = countDepartures(
    ({ kind, sizeBytes }) => {
      if (isFull && written.length > 0) throw new Error('database or disk is full');
      written.push({ kind, sizeBytes });
    },
    () => 0,
    log,
  );
  departures.note('beat', 'relay', 10);
  departures.note('answer', 'relay', 100);
  departures.flush();
  departures.note('answer', 'relay', 5);
  departures.flush();
  isFull = false;
  departures.flush();
  departures.flush();
  assert.deepEqual(written, [
    { kind: 'beat', sizeBytes: 10 },
    { kind: 'answer', sizeBytes: 105 },
  ]);
  assert.match(log.lines.join('\n'), /could not be written/);
});

test('a disk that takes no settings ends nothing: what the app noted counts, and is written with the next change', () => {
  let isFull = false;
  let store: Record<string, unknown> = {};
  const file = {
    path: 'settings.json',
    get store() {
      return store;
    },
    set store(next: Record<string, unknown>) {
      if (isFull) throw new Error('ENOSPC');
      store = next;
    },
  };
  const told: unknown[] = [];
  const settings = openSettings(file, assert.fail, (error) => told.push(error));
  isFull = true;
  settings.note({ wish: { state: 'contribute' } });
  assert.equal(settings.get().wish.state, 'contribute');
  assert.match(String(told), /ENOSPC/);
  assert.throws(() => settings.change({ toldOfTray: true }), /ENOSPC/);
  isFull = false;
  settings.note({ language: 'fr' });
  assert.deepEqual(openSettings(file, assert.fail).get(), settings.get());
  assert.equal(settings.get().toldOfTray, true);
});
