import type { Migration } from './migration.ts';

/** Until scopes could be chosen, `inference` was all that a key could have and let it do everything: it still may. */
export const keyScopes: Migration = {
  id: 100,
  name: 'key-scopes',
  sql: "UPDATE api_keys SET scopes = 'inference jobs files receipts usage catalog' WHERE scopes = 'inference';",
};
