import { createOtlpExporter, type OtlpTarget } from '../../shared/tracing/otlp-exporter.ts';
import type { RelayLog } from '../log.ts';
import { VERSION } from '../version.ts';
import { createTracing, type Tracing } from './tracing.ts';

/** Follows requests, and sends what is seen of them to a collector. */
export function openTracing(target: OtlpTarget, log: RelayLog): { tracing: Tracing; close(): Promise<void> } {
  const resource = { attributes: { 'service.name': 'sparewatt-relay', 'service.version': VERSION }, version: VERSION };
  const exporter = createOtlpExporter({ ...target, resource, fetch: globalThis.fetch, log });
  const random = (bytes: Uint8Array<ArrayBuffer>): unknown => crypto.getRandomValues(bytes);
  return { tracing: createTracing({ export: exporter.export, random }), close: exporter.close };
}
