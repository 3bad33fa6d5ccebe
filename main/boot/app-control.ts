import type { NodeStatus } from '../../shared/control/control-protocol.ts';
import { rulesInForce } from '../../shared/preferences/owner-rules.ts';
import { type ControlDesk, createSince, ledgerSums } from '../headless/control/control-desk.ts';
import { openControl } from '../headless/control/control-server.ts';
import { heldOf } from '../headless/control/headless-control.ts';
import { dayOf } from '../headless/ledger/day-of.ts';
import type { ChosenRuntime } from '../node/chosen-runtime.ts';
import type { ContributionKeeper } from '../node/contribution-keeper.ts';
import type { StateTeller } from './app-state.ts';
import type { DesktopHost } from './desktop-host.ts';
import type { Storage } from './storage.ts';

export type AppControl = { /** Notes since when the state holds. */ look(): void; close(): void };

export type AppControlParts = {
  host: Pick<DesktopHost, 'now'>;
  storage: Pick<Storage, 'folder' | 'log' | 'settings' | 'ledger'>;
  assembly: {
    keeper: Pick<ContributionKeeper, 'contribute' | 'pauseFor' | 'finishThenPause'>;
    runtime: Pick<ChosenRuntime, 'listModels'>;
  };
  teller: StateTeller;
};

/** Lets programs of this machine do what the tray does, by the same desk. Errors: those of `openControl`. */
export async function openAppControl({ host, storage, assembly, teller }: AppControlParts): Promise<AppControl> {
  const { keeper, runtime } = assembly;
  const { folder, log, settings } = storage;
  const ledger = () => storage.ledger;
  const startedAt = host.now();
  const since = createSince(host.now);
  const status = (): NodeStatus => {
    const { version, contributing, code, reason, until, wish, relay, jobs, presence } = teller.state();
    const said = { contributing, code, reason, until, since: since(code) };
    const models = heldOf(runtime.listModels());
    const rules = rulesInForce(settings.get().preferences, presence);
    const work = { jobs, ...ledgerSums(ledger, dayOf(host.now())) };
    return { kind: 'app', version, pid: process.pid, startedAt, ...said, wish, relay, ...work, models, rules };
  };
  const desk: ControlDesk = {
    status,
    pause: keeper.pauseFor,
    resume: keeper.contribute,
    finish: keeper.finishThenPause,
    log,
    ledger,
  };
  const control = await openControl({ dataFolder: folder, desk, log });
  return { look: () => void since(teller.state().code), close: control.close };
}
