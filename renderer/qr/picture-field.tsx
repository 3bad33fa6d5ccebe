import { useEffect, useEffectEvent, useId, useRef, useState } from 'react';
import type { Locale } from '../language/locales.ts';
import { invitationIn } from './invitation-in.ts';
import { type PictureFault, readPicture } from './read-picture.ts';
import { PICTURE_TEXTS } from './texts.ts';

export type PictureFieldProps = {
  locale: Locale;
  /** Told what a code says once it is known to be an invitation; a person then looks at it and goes on, or does not. */
  onInvitation(text: string): void;
};

type Reading =
  | { state: 'idle' | 'reading' }
  | { state: 'found'; relay: string | undefined }
  | { state: 'failed'; fault: PictureFault | 'no_invitation' };

/** Takes an invitation as a picture of its QR code: pasted or dropped anywhere in the page, or chosen as a file. */
export function PictureField({ locale, onInvitation }: PictureFieldProps) {
  const texts = PICTURE_TEXTS[locale];
  const [reading, take] = useReading(onInvitation);
  const isOver = usePictures(take);
  const file = useRef<HTMLInputElement>(null);
  const id = useId();
  return (
    <div className="field picture-field" data-over={isOver}>
      <p className="picture-label" id={`${id}-label`}>
        {texts.label}
      </p>
      <p className="hint" id={`${id}-hint`}>
        {texts.hint}
      </p>
      <button
        type="button"
        className="button"
        data-size="small"
        aria-describedby={`${id}-label ${id}-hint ${id}-error`}
        onClick={() => file.current?.click()}
      >
        {texts.choose}
      </button>
      <input
        ref={file}
        type="file"
        accept="image/png,image/jpeg,image/webp"
        hidden
        onChange={({ target }) => {
          take(target.files);
          // So that the same file can be chosen again.
          target.value = '';
        }}
      />
      <p className="found" role="status">
        {reading.state === 'reading' && texts.reading}
        {reading.state === 'found' && texts.found(reading.relay)}
      </p>
      <p className="error" id={`${id}-error`} role="alert">
        {reading.state === 'failed' && texts.faults[reading.fault]}
      </p>
    </div>
  );
}

type TakePictures = (files: FileList | null) => void;

/** One picture is read at a time: a newer one takes the place of the last, and none is read on when the field is gone. */
function useReading(onInvitation: (text: string) => void): [Reading, TakePictures] {
  const [reading, setReading] = useState<Reading>({ state: 'idle' });
  const current = useRef<AbortController>(undefined);
  useEffect(() => () => current.current?.abort(), []);
  const read = async (picture: File, signal: AbortSignal): Promise<void> => {
    setReading({ state: 'reading' });
    const answer = await readPicture(picture, signal);
    if ('fault' in answer) return setReading({ state: 'failed', fault: answer.fault });
    const invitation = invitationIn(answer.texts);
    if (invitation === undefined) return setReading({ state: 'failed', fault: 'no_invitation' });
    setReading({ state: 'found', relay: invitation.relayUrl });
    onInvitation(invitation.text);
  };
  const take: TakePictures = (files) => {
    const picture = files?.[0];
    if (picture === undefined) return;
    current.current?.abort();
    const controller = new AbortController();
    current.current = controller;
    // It only rejects when a newer picture has come, or nobody waits.
    void read(picture, controller.signal).catch(() => undefined);
  };
  return [reading, take];
}

/** Listens to the whole page, where people paste and drop; true while a file is held over it. */
function usePictures(onPictures: TakePictures): boolean {
  const [isOver, setOver] = useState(false);
  const take = useEffectEvent(onPictures);
  useEffect(() => {
    const controller = new AbortController();
    const on = { signal: controller.signal };
    const holdsFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    const paste = (event: ClipboardEvent): void => {
      const { clipboardData } = event;
      // Text that has a picture with it, as of a word processor, is text.
      if (clipboardData === null || clipboardData.files.length === 0 || clipboardData.types.includes('text/plain'))
        return;
      event.preventDefault();
      take(clipboardData.files);
    };
    const over = (event: DragEvent): void => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      setOver(false);
      if (!holdsFiles(event)) return;
      event.preventDefault();
      take(event.dataTransfer?.files ?? null);
    };
    document.addEventListener('paste', paste, on);
    document.addEventListener('dragover', over, on);
    document.addEventListener('dragleave', leave, on);
    document.addEventListener('drop', drop, on);
    return () => controller.abort();
  }, []);
  return isOver;
}
