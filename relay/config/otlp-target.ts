import { type OtlpTarget, parseOtlpHeaders } from '../../shared/tracing/otlp-exporter.ts';
import type { ProgramSettings } from './program-settings.ts';

/** Where traces go, as the settings say; undefined when nowhere. */
export function otlpTargetOf({
  otlp_endpoint,
  otlp_headers,
}: Pick<ProgramSettings, 'otlp_endpoint' | 'otlp_headers'>): OtlpTarget | undefined {
  if (otlp_endpoint === undefined) return undefined;
  return { endpoint: otlp_endpoint, ...(otlp_headers === undefined ? {} : parseOtlpHeaders(otlp_headers)) };
}
