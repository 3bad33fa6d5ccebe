import type { AppState } from '../../../shared/ipc/app-state.ts';
import { useSpeech } from '../locale.ts';
import { UpdateNotice } from '../updates/update-notice.tsx';

/** What a person should know although nothing has failed. */
export function Notices({
  state: { devices, gpu, hasTray, secretsProtected, unknown, ...state },
}: {
  state: AppState;
}) {
  const { texts } = useSpeech();
  return (
    <>
      {gpu !== null && !gpu.usable && (
        <p className="notice" data-kind="warn">
          <strong>{texts.notices.noGpu}</strong>
          {texts.notices.noGpuWhy}
        </p>
      )}
      {devices.some(({ computes, enabled }) => computes && !enabled) && (
        <p className="notice" data-kind="warn">
          <strong>{texts.notices.gpuOff}</strong>
          {texts.notices.gpuOffWhy}
        </p>
      )}
      {!hasTray && (
        <p className="notice">
          <strong>{texts.notices.noTray}</strong>
          {texts.notices.noTrayWhy}
        </p>
      )}
      {!secretsProtected && (
        <p className="notice" data-kind="warn">
          <strong>{texts.notices.unprotected}</strong>
          {texts.notices.unprotectedWhy}
        </p>
      )}
      <UpdateNotice state={state} />
      {unknown.length > 0 && (
        <details className="unknown">
          <summary>{texts.notices.unknown}</summary>
          <p className="hint">{texts.notices.unknownWhy}</p>
          <ul>
            {unknown.map((sensor) => (
              <li key={sensor}>{texts.sensors[sensor] ?? sensor}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
