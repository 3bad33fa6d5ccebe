import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { POOL, type SpeedRecord } from '../../../relay/store/measurement-store.ts';
import type { StorePlace } from './store-contract.ts';
import { T0 } from './store-records.ts';

const speed = (nodeId: string, model: string, at: number, value = 40): SpeedRecord => ({
  nodeId,
  model,
  measures: { perToken: { value, samples: 3, at }, firstToken: { value: 120.5, samples: 3, at } },
  at,
});
const EVERYTHING = { mostNodes: 100, mostSpeeds: 100 };

/** Tells what every store owes to what the relay measured. */
export function describeMeasurementContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract('keeps the last measurements of each node and model, oldest first, across a crash', async (place) => {
    const { measurements } = await place.open();
    assert.deepEqual(await measurements.listMeasurements(), { nodes: [], speeds: [] });
    const old = { nodeId: 'a', succeeded: 1, failed: 0, at: T0 };
    await measurements.putMeasurements({ nodes: [old], speeds: [speed('a', 'm', T0), speed('a', 'n', T0 + 1)] });
    const nodes = [
      { nodeId: 'b', succeeded: 0, failed: 2, at: T0 + 1 },
      { nodeId: 'a', succeeded: 1.5, failed: 0.25, at: T0 + 2 },
    ];
    await measurements.putMeasurements({ nodes, speeds: [speed('a', 'm', T0 + 2, 60), speed(POOL, 'm', T0 + 3)] });
    const after = await (await place.afterCrash()).open();
    const speeds = [speed('a', 'n', T0 + 1), speed('a', 'm', T0 + 2, 60), speed(POOL, 'm', T0 + 3)];
    assert.deepEqual(await after.measurements.listMeasurements(), { nodes, speeds });
  });

  contract('writes down what was measured when it was given it, however it changes meanwhile', async (place) => {
    const { measurements } = await place.open();
    const record = speed('a', 'm', T0);
    const written = measurements.putMeasurements({ nodes: [], speeds: [record] });
    delete record.measures.perToken;
    await written;
    assert.equal((await measurements.listMeasurements()).speeds[0]?.measures.perToken?.value, 40);
  });

  contract('forgets measurements by age, and the oldest of too many', async (place) => {
    const { measurements } = await place.open();
    const times = [T0, T0 + 1, T0 + 2, T0 + 3];
    await measurements.putMeasurements({
      nodes: times.map((at) => ({ nodeId: `n${at - T0}`, succeeded: 1, failed: 0, at })),
      speeds: times.map((at) => speed(`n${at - T0}`, 'm', at)),
    });
    const left = async () => {
      const { nodes, speeds } = await measurements.listMeasurements();
      return [nodes.map(({ nodeId }) => nodeId), speeds.map(({ nodeId }) => nodeId)];
    };
    await measurements.pruneMeasurements({ before: T0 + 1, ...EVERYTHING });
    assert.deepEqual(await left(), [
      ['n1', 'n2', 'n3'],
      ['n1', 'n2', 'n3'],
    ]);
    await measurements.pruneMeasurements({ before: 0, mostNodes: 2, mostSpeeds: 1 });
    assert.deepEqual(await left(), [['n2', 'n3'], ['n3']]);
  });
}
