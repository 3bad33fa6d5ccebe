import type { RelayApp } from '../../services.ts';
import { relayCloses } from './hang-up.ts';

/** Refuses what still arrives on open connections while the relay closes; the framework's own refusal has no code. */
export function registerDraining(app: RelayApp): void {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', (request, _reply, done) => {
    done(closing && request.routeOptions.config.answersWhileClosing !== true ? relayCloses() : undefined);
  });
}
