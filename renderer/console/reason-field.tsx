import { type ReactElement, useState } from 'react';
import { TextField } from './fields.tsx';

/** What is sent with a decision; empty when nobody has said why. */
export type Why = { reason?: string };

/** Why somebody decides as they do, and the field in which they may say it. */
export function useReason(label: string, hint: string): [why: Why, field: ReactElement] {
  const [reason, setReason] = useState('');
  const said = reason.trim();
  const field = <TextField label={label} hint={hint} value={reason} onChange={setReason} maxLength={256} />;
  return [said === '' ? {} : { reason: said }, field];
}
