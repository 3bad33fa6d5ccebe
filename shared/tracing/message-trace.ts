import { type HeadedMessage, headersOf } from '../protocol/message-headers.ts';
import { parseTraceparent, type TraceContext } from './trace-context.ts';

/** The header of a message of the bus that says where in a trace it belongs (W3C Trace Context). */
export const TRACEPARENT_HEADER = 'traceparent';

/** Where in a trace a message belongs; undefined unless its headers say so once and properly. Never throws. */
export function traceOf(message: HeadedMessage<{ values(name: string): string[] }>): TraceContext | undefined {
  const [value, ...more] = headersOf(message)?.values(TRACEPARENT_HEADER) ?? [];
  return value === undefined || more.length > 0 ? undefined : parseTraceparent(value);
}
