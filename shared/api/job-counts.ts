import { type Static, Type } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** What is under way on a relay; each job counts once. */
export const JobCounts = Type.Object({
  running: Type.Integer({ minimum: 0, description: 'Calls and jobs that a node has' }),
  waiting: Type.Integer({ minimum: 0, description: 'Calls that wait for a slot while their client waits' }),
  queued: Type.Integer({
    minimum: 0,
    description: 'Jobs of the queue that wait for a node, also those that no node of now may take',
  }),
});
export type JobCounts = Static<typeof JobCounts>;

const { queued, ...others } = JobCounts.properties;
/** As older relays, and snapshots of them, tell it too: without the queue. */
export const ToldJobCounts = Type.Object({ ...others, queued: Type.Optional(queued) });

/** How many have ever ended, by state. */
export const FinishedJobs = Type.Record(Type.String(), Count, { description: 'Ever, by state' });
