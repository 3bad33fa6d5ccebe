import type { Locale } from '../language/locales.ts';

/** What is said of a model on its way, in the window and in the tab. */
export type DownloadWords = {
  progress(model: string): string;
  of(loaded: string, total: string): string;
  speed(rate: string): string;
  eta(time: string): string;
  pause: string;
  pauseOf(model: string): string;
  paused: string;
  resume: string;
  resumeOf(model: string): string;
  cancel: string;
  cancelOf(model: string): string;
  cancelHint: string;
  dismiss: string;
  dismissOf(model: string): string;
  again: string;
  againFor(model: string): string;
};

export const DOWNLOAD_WORDS: Readonly<Record<Locale, DownloadWords>> = {
  en: {
    progress: (model) => `Download of ${model}`,
    of: (loaded, total) => `${loaded} of ${total}`,
    speed: (rate) => `${rate}/s`,
    eta: (time) => `${time} left`,
    pause: 'Pause',
    pauseOf: (model) => `Pause the download of ${model}`,
    paused: 'paused; what came is kept on the disk',
    resume: 'Resume',
    resumeOf: (model) => `Resume the download of ${model}`,
    cancel: 'Cancel',
    cancelOf: (model) => `Cancel the download of ${model}`,
    cancelHint: 'Ending it here deletes what came.',
    dismiss: 'Dismiss',
    dismissOf: (model) => `Dismiss ${model}`,
    again: 'Try again',
    againFor: (model) => `Try again: ${model}`,
  },
  fr: {
    progress: (model) => `Téléchargement de ${model}`,
    of: (loaded, total) => `${loaded} sur ${total}`,
    speed: (rate) => `${rate}/s`,
    eta: (time) => `reste ${time}`,
    pause: 'Suspendre',
    pauseOf: (model) => `Suspendre le téléchargement de ${model}`,
    paused: 'suspendu ; ce qui est arrivé reste sur le disque',
    resume: 'Reprendre',
    resumeOf: (model) => `Reprendre le téléchargement de ${model}`,
    cancel: 'Annuler',
    cancelOf: (model) => `Annuler le téléchargement de ${model}`,
    cancelHint: 'L’arrêter ici efface ce qui est arrivé.',
    dismiss: 'Retirer de la liste',
    dismissOf: (model) => `Retirer de la liste ${model}`,
    again: 'Réessayer',
    againFor: (model) => `Réessayer de télécharger ${model}`,
  },
};
