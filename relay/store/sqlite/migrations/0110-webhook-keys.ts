import type { Migration } from './migration.ts';

/** Whose job or settlement is told of, so that no key's receivers keep those of others waiting; '' for older word. */
export const webhookKeys: Migration = {
  id: 110,
  name: 'webhook-keys',
  sql: "ALTER TABLE webhook_deliveries ADD COLUMN api_key_id TEXT NOT NULL DEFAULT '';",
};
