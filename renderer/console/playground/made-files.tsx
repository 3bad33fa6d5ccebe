/** What a model made: shown or played, and saved under a name. */

import { useSpeech } from '../speech.ts';
import { useObjectUrl } from './object-url.ts';

export type MadeFileProps = { bytes: Blob; filename: string };

export function MadePicture({ bytes, filename, description }: MadeFileProps & { description: string }) {
  const url = useObjectUrl(bytes);
  return (
    <figure className="made">
      <img src={url} alt={description} />
      <figcaption>
        <SaveLink url={url} filename={filename} />
      </figcaption>
    </figure>
  );
}

export function MadeSound({ bytes, filename, label }: MadeFileProps & { label: string }) {
  const url = useObjectUrl(bytes);
  return (
    <div className="made">
      <Sound url={url} label={label} />
      <SaveLink url={url} filename={filename} />
    </div>
  );
}

/** A recording before it is sent. */
export function ChosenSound({ bytes, label }: { bytes: Blob; label: string }) {
  return <Sound url={useObjectUrl(bytes)} label={label} />;
}

function Sound({ url, label }: { url: string | undefined; label: string }) {
  // biome-ignore lint/a11y/useMediaCaption: what is said in it stands beside it, or is what is asked for
  return <audio className="sound" controls src={url} aria-label={label} />;
}

function SaveLink({ url, filename }: { url: string | undefined; filename: string }) {
  const words = useSpeech().texts.playground;
  return (
    <a className="button" data-size="small" href={url} download={filename}>
      {words.saveAs(filename)}
    </a>
  );
}
