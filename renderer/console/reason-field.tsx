import { type ReactElement, useState } from 'react';
import { Field } from './parts.tsx';

/** What is sent with a decision; empty when nobody has said why. */
export type Why = { reason?: string };

/** Why somebody decides as they do, and the field in which they may say it. */
export function useReason(label: string, hint: string): [why: Why, field: ReactElement] {
  const [reason, setReason] = useState('');
  const said = reason.trim();
  const field = (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          className="input"
          maxLength={256}
          placeholder={hint}
          value={reason}
          onChange={({ target }) => setReason(target.value)}
        />
      )}
    </Field>
  );
  return [said === '' ? {} : { reason: said }, field];
}
