import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { ISSUED, keyAccount, nodeAccount, RELAY, SETTLED, withheldAccount } from '../../../relay/credits/accounts.ts';
import { faultOfSettlement } from '../../../relay/credits/close-settlement.ts';
import type { Charge } from '../../../relay/store/credit-store.ts';
import type { Store } from '../../../relay/store/store.ts';
import type { StorePlace } from './store-contract.ts';
import { draftFor, finishedJob, RELAY_KEY, T0 } from './store-records.ts';

const KEY = keyAccount('key_1');
const DESK = nodeAccount('desk-4f2a9c');

function charge(reference: string, nodeMicro: number, feeMicro = 0, node = DESK): Charge {
  return { payer: KEY, node, nodeMicro, feeMicro, reference };
}

async function balances({ credits }: Store): Promise<Record<string, number>> {
  const accounts = await credits.listAccounts({ limit: 100, after: '', prefix: '' });
  return Object.fromEntries(accounts.map(({ account, balanceMicro }) => [account, balanceMicro]));
}

/** Tells what every store owes for the ledger. */
export function describeCreditContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract('enters the charge of a job with the job itself, and keeps both across a crash', async (place) => {
    const { jobs } = await place.open();
    await jobs.recordFinishedJob(finishedJob('job_1', { charge: charge('rcpt_1', 90, 10) }));
    await jobs.recordFinishedJob(finishedJob('job_2', { charge: null }));
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await balances(after), { [KEY]: -100, [DESK]: 90, [RELAY]: 10 });
    const entries = await after.credits.listEntries({ limit: 10 });
    assert.deepEqual(
      entries.map(({ kind, from, to, amountMicro, reference }) => [kind, from, to, amountMicro, reference]),
      [
        ['fee', KEY, RELAY, 10, 'rcpt_1'],
        ['charge', KEY, DESK, 90, 'rcpt_1'],
      ],
    );
    assert.deepEqual((await after.credits.listEntries({ limit: 10, account: RELAY })).length, 1);
    assert.deepEqual(await after.credits.listEntries({ limit: 10, before: entries[0]?.seq ?? 0 }), entries.slice(1));
  });

  contract('withholds the share of a node whose signature does not hold, and says so in the ledger', async (place) => {
    const store = await place.open();
    const forged = { ...draftFor('job_1'), signatures: { node: 'A'.repeat(86) } };
    await store.jobs.recordFinishedJob(finishedJob('job_1', { charge: charge('rcpt_1', 90, 10), receipt: forged }));
    await store.jobs.recordFinishedJob(
      finishedJob('job_2', { charge: charge('rcpt_2', 7), receipt: draftFor('job_2') }),
    );
    const withheld = withheldAccount('desk-4f2a9c');
    assert.deepEqual(await balances(store), { [KEY]: -107, [withheld]: 90, [DESK]: 7, [RELAY]: 10 });
    const entries = await store.credits.listEntries({ limit: 10, account: withheld });
    assert.deepEqual(
      entries.map(({ kind, from, amountMicro, reference }) => [kind, from, amountMicro, reference]),
      [['withheld', KEY, 90, 'rcpt_1']],
    );
    const settlement = await store.credits.settle({ id: 'stl_1', closedAt: T0, webhook: null });
    assert.deepEqual(settlement?.lines, [{ account: DESK, amountMicro: 7 }]);
    assert.deepEqual(await store.credits.auditLedger(), []);
  });

  contract('charges nothing for a job that is refused a second time', async (place) => {
    const store = await place.open();
    const job = finishedJob('job_1', { charge: charge('rcpt_1', 5) });
    await store.jobs.recordFinishedJob(job);
    await assert.rejects(store.jobs.recordFinishedJob(job));
    assert.deepEqual(await balances(store), { [KEY]: -5, [DESK]: 5 });
  });

  contract(
    'tells what was spent since a time and behind an entry, when the last of it was, and of nobody else',
    async (place) => {
      const { jobs, credits } = await place.open();
      const spend = (id: string, after: number, ...amounts: [number, number]) =>
        jobs.recordFinishedJob(finishedJob(id, { finishedAt: T0 + after, charge: charge(`rcpt_${id}`, ...amounts) }));
      await spend('job_1', 10, 90, 10);
      await spend('job_2', 20, 7, 0);
      // What is written late has the time at which it was.
      await spend('job_3', 15, 3, 1);
      const { seq } = (await credits.listEntries({ limit: 10 })).at(-3) ?? assert.fail();
      const spent = (after: number, behindSeq: number) =>
        credits.spentOf(KEY, { at: T0 + after, until: null, behindSeq });
      const latestAt = T0 + 20;
      assert.deepEqual(await spent(0, 0), { sinceMicro: 111, laterMicro: 111, latestAt });
      assert.deepEqual(await spent(15, seq), { sinceMicro: 11, laterMicro: 4, latestAt });
      assert.deepEqual(await spent(16, 0), { sinceMicro: 7, laterMicro: 111, latestAt });
      const before = { at: T0 + 10, until: T0 + 20, behindSeq: seq };
      assert.deepEqual(await credits.spentOf(KEY, before), { sinceMicro: 104, laterMicro: 4, latestAt });
      const nothing = { sinceMicro: 0, laterMicro: 0, latestAt: null };
      assert.deepEqual(await credits.spentOf('key:nobody', { at: 0, until: null, behindSeq: 0 }), nothing);
    },
  );

  contract('makes a grant once, however often it is sent', async (place) => {
    const store = await place.open();
    // A charge of the same mark is something else.
    await store.jobs.recordFinishedJob(finishedJob('job_1', { charge: charge('invoice-1', 7) }));
    const grant = { at: T0, from: ISSUED, to: KEY, amountMicro: 1_000, reference: 'invoice-1' };
    const sent = await Promise.all([store.credits.grant(grant), store.credits.grant(grant)]);
    assert.deepEqual(sent.map(({ isNew }) => isNew).sort(), [false, true]);
    const [entered] = await store.credits.listEntries({ limit: 2 });
    assert.deepEqual(entered, { seq: entered?.seq, kind: 'grant', ...grant });
    for (const { entry } of sent) assert.deepEqual(entry, entered);
    assert.deepEqual(await balances(store), { [ISSUED]: -1_000, [KEY]: 993, [DESK]: 7 });
    assert.equal(await store.credits.balanceOf(KEY), 993);
    assert.equal(await store.credits.balanceOf('key:nobody'), 0);
  });

  contract('settles what nodes have earned, once, in words that the relay has signed', async (place) => {
    const store = await place.open();
    const lap = nodeAccount('lap-1');
    await store.jobs.recordFinishedJob(finishedJob('job_1', { charge: charge('r1', 90, 10) }));
    await store.jobs.recordFinishedJob(finishedJob('job_2', { charge: charge('r2', 7, 0, lap) }));
    const order = { id: 'stl_1', closedAt: T0, webhook: { url: 'http://x.example/', secret: 's'.repeat(16) } };
    const settlement = await store.credits.settle(order);
    assert.ok(settlement);
    assert.deepEqual(settlement.lines, [
      { account: DESK, amountMicro: 90 },
      { account: lap, amountMicro: 7 },
    ]);
    assert.deepEqual([settlement.totalMicro, settlement.entries], [97, { from: 1, to: 3 }]);
    assert.equal(settlement.relayKey, RELAY_KEY.publicKey);
    assert.equal(await faultOfSettlement(settlement), undefined);
    assert.deepEqual(await balances(store), { [KEY]: -107, [DESK]: 0, [lap]: 0, [RELAY]: 10, [SETTLED]: 97 });
    assert.equal(await store.credits.settle({ ...order, id: 'stl_2' }), undefined);
    const { due } = await store.queuedJobs.dueWebhooks(T0, 10, { seqs: [], apiKeyIds: [] });
    assert.deepEqual([due.length, due[0]?.apiKeyId, JSON.parse(due[0]?.body ?? '{}').data], [1, 'admin', settlement]);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.credits.findSettlement('stl_1'), settlement);
    assert.deepEqual(await after.credits.listSettlements({ limit: 5 }), [settlement]);
    assert.equal(await after.credits.findSettlement('stl_2'), undefined);
  });

  contract('settles the next time what nodes have earned since, with the entries since', async (place) => {
    const store = await place.open();
    // What a key has is not for nodes.
    await store.credits.grant({ at: T0, from: ISSUED, to: KEY, amountMicro: 1_000, reference: 'prepaid' });
    const settled = [];
    for (const [id, node, nodeMicro] of [
      ['stl_1', 'a', 5],
      ['stl_2', 'b', 7],
      ['stl_3', 'a', 2],
    ] as const) {
      const job = finishedJob(`job_${id}`, { charge: charge(id, nodeMicro, 1, nodeAccount(node)) });
      await store.jobs.recordFinishedJob(job);
      settled.unshift(await store.credits.settle({ id, closedAt: T0, webhook: null }));
    }
    assert.deepEqual(
      settled.map((one) => [one?.lines, one?.entries]),
      // What is paid out is entered too, after what it is paid for.
      [
        [[{ account: nodeAccount('a'), amountMicro: 2 }], { from: 8, to: 9 }],
        [[{ account: nodeAccount('b'), amountMicro: 7 }], { from: 5, to: 6 }],
        [[{ account: nodeAccount('a'), amountMicro: 5 }], { from: 1, to: 3 }],
      ],
    );
    const { listSettlements } = store.credits;
    assert.deepEqual(await listSettlements({ limit: 2 }), settled.slice(0, 2));
    assert.deepEqual(await listSettlements({ limit: 2, after: 'stl_2' }), settled.slice(2));
    assert.deepEqual(await listSettlements({ limit: 2, after: 'stl_none' }), []);
  });

  contract('gives accounts by their names and entries newest first, page by page, each once', async (place) => {
    const { credits } = await place.open();
    const moves: [from: string, to: string][] = [
      ['a:1', 'b:1'],
      ['b:1', 'a:1'],
      ['a:1', 'b:2'],
      ['b:2', 'c:1'],
      ['b:3', 'a:1'],
      ['a:1', 'b:1'],
      ['c:1', 'a:1'],
    ];
    for (const [at, [from, to]] of moves.entries()) {
      await credits.grant({ at: T0 + at, from, to, amountMicro: 1 + at, reference: `g${at}` });
    }
    const accounts: string[] = [];
    for (let after = ''; accounts.length < 9; after = accounts.at(-1) ?? '') {
      const page = await credits.listAccounts({ limit: 2, after, prefix: 'b:' });
      accounts.push(...page.map(({ account }) => account));
      if (page.length < 2) break;
    }
    assert.deepEqual(accounts, ['b:1', 'b:2', 'b:3']);
    const [whole] = await credits.listAccounts({ limit: 2, after: '', prefix: 'b:2' });
    assert.equal(whole?.account, 'b:2', 'a name begins with itself');
    for (const account of [undefined, 'a:1', 'b:1', 'b:2', 'nobody']) {
      const amounts: number[] = [];
      for (let before: number | undefined; amounts.length < 9; ) {
        const page = await credits.listEntries({ limit: 2, before, account });
        assert.ok(page.length <= 2);
        amounts.push(...page.map(({ amountMicro }) => amountMicro));
        if (page.length < 2) break;
        before = page.at(-1)?.seq;
      }
      const own = moves.flatMap((move, at) => (account === undefined || move.includes(account) ? [1 + at] : []));
      assert.deepEqual(amounts, own.reverse(), account);
    }
  });

  contract('keeps prices until they are taken away', async (place) => {
    const { credits } = await place.open();
    await credits.putPrice({ service: 'llm/inference', rates: { per_job_micro: 5 }, updatedAt: T0 });
    await credits.putPrice({ service: 'llm/inference', rates: { per_job_micro: 6 }, updatedAt: T0 + 1 });
    assert.deepEqual(await credits.listPrices(), [
      { service: 'llm/inference', rates: { per_job_micro: 6 }, updatedAt: T0 + 1 },
    ]);
    assert.deepEqual([await credits.deletePrice('x'), await credits.deletePrice('llm/inference')], [false, true]);
    assert.deepEqual(await credits.listPrices(), []);
  });

  contract('balances whatever is charged, granted and settled', async (place) => {
    const store = await place.open();
    let count = 0;
    const step = fc.oneof(
      fc.record({
        is: fc.constant('charge' as const),
        node: fc.nat(3),
        nodeMicro: fc.nat(1_000),
        feeMicro: fc.nat(100),
      }),
      fc.record({ is: fc.constant('grant' as const), amountMicro: fc.integer({ min: 1, max: 1_000 }) }),
      fc.record({ is: fc.constant('settle' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        for (const one of steps) {
          count += 1;
          if (one.is === 'charge') {
            const made = charge(`r${count}`, one.nodeMicro, one.feeMicro, nodeAccount(`n${one.node}`));
            await store.jobs.recordFinishedJob(finishedJob(`job_${count}`, { charge: made }));
          } else if (one.is === 'grant') {
            const entry = { at: T0, from: ISSUED, to: KEY, amountMicro: one.amountMicro, reference: `g${count}` };
            await store.credits.grant(entry);
          } else await store.credits.settle({ id: `stl_${count}`, closedAt: T0, webhook: null });
        }
        const sum = Object.values(await balances(store)).reduce((total, balance) => total + balance, 0);
        assert.equal(sum, 0);
        assert.deepEqual(await store.credits.auditLedger(), []);
      }),
      { numRuns: 10 },
    );
  });
}
