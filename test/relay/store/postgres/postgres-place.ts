import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { openPostgresStore } from '../../../../relay/store/postgres/open-postgres-store.ts';
import type { Store } from '../../../../relay/store/store.ts';
import { type PostgresServer, startPostgres, whyNoPostgres } from '../../../support/postgres.ts';
import type { PlaceOptions, StorePlace } from '../store-contract.ts';
import { RELAY_KEY } from '../store-records.ts';

export type PostgresPlace = StorePlace & {
  readonly url: string;
  readonly server: PostgresServer;
  /** Statements of somebody who is not the store. */
  tamper(sql: string): Promise<void>;
};

/**
 * Makes places for a store, each in a database of its own, on one server for the test file; to be called outside of a test.
 * Tables are made once and copied, as that takes most of the time in which a new database opens.
 */
export function preparePostgresPlaces(): (t: TestContext) => Promise<PostgresPlace> {
  const starting = startWithTables();
  return async (t) => {
    const { server, tables } = await starting;
    return placeAt(t, server, await server.createDatabase(tables));
  };
}

async function startWithTables(): Promise<{ server: PostgresServer; tables: string }> {
  const server = await startPostgres();
  const tables = await server.createDatabase();
  await (await openPostgresStore({ url: tables, relaySeed: RELAY_KEY.seed })).close();
  return { server, tables };
}

function placeAt(t: TestContext, server: PostgresServer, url: string): PostgresPlace {
  const opened: Store[] = [];
  t.after(async () => {
    await Promise.all(opened.map((store) => store.close()));
    await server.dropDatabase(url);
  });
  const tamper = async (sql: string) => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  return {
    url,
    server,
    tamper,
    unusable: 'database_unusable',
    open: async (options = {}) => {
      const isNew = opened.length === 0;
      if (!isNew) await limitSize(tamper, options);
      const store = await openPostgresStore({ url, relaySeed: RELAY_KEY.seed });
      opened.push(store);
      if (isNew) await limitSize(tamper, options);
      return store;
    },
    afterCrash: async () => placeAt(t, server, await server.copyDatabase(url)),
    makeNewer: () => tamper("INSERT INTO sparewatt_migrations VALUES (99990, 'from-the-future', 'unknown', 0)"),
  };
}

/** Lets the server answer as it does when its disk is full, once the jobs take up more than a size. */
async function limitSize(tamper: PostgresPlace['tamper'], { maxSizeBytes }: PlaceOptions): Promise<void> {
  if (maxSizeBytes === undefined) return;
  await tamper(`
    CREATE OR REPLACE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF pg_total_relation_size('jobs') + pg_total_relation_size('receipts') > ${maxSizeBytes} THEN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
      END IF;
      RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER fill_disk BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION fill_disk();
    CREATE OR REPLACE TRIGGER fill_disk BEFORE INSERT ON write_probe FOR EACH ROW EXECUTE FUNCTION fill_disk();`);
}

/** Tests that get a place each, with their own context; skipped with the reason where there is no PostgreSQL. To be called outside of a test. */
export function provePlaces(): (
  sentence: string,
  prove: (place: PostgresPlace, t: TestContext) => Promise<void>,
) => void {
  const skip = whyNoPostgres() ?? false;
  const makePlace = skip === false ? preparePostgresPlaces() : undefined;
  return (sentence, prove) => {
    test(sentence, { skip }, async (t) => {
      if (makePlace !== undefined) await prove(await makePlace(t), t);
    });
  };
}
