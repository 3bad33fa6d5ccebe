import { DOWNLOAD_WORDS, type DownloadWords } from '../downloads/words.ts';
import type { DtypeBasis } from '../inference/choose-files.ts';
import type { Locale } from '../language/locales.ts';

/** What the page says of models, of their way here and of where they lie. */
export type ModelStrings = {
  title: string;
  none: string;
  warm: string;
  installed: string;
  /** Why a model came in this dtype. */
  basis: Record<DtypeBasis, (dtype: string) => string>;
  passedOver: Record<'absent' | 'memory', (dtypes: string) => string>;
  /** How fast it was where it was tried, and why it runs where it does. */
  trials: {
    figures: (gpu: string, processor: string) => string;
    rate: (rate: string, type: string) => string;
    failed: string;
    webgpu: string;
    wasm: string;
  };
  remove: string;
  removeOf: (model: string) => string;
  row: DownloadWords;
  metered: { text: string; allow: string };
  add: {
    name: string;
    hint: string;
    look: string;
    looking: string;
    brings: (size: string, missing: string, dtype: string) => string;
    fits: (free: string) => string;
    fitsUnknown: string;
    leaving: (models: string) => string;
    submit: string;
    submitOf: (model: string) => string;
  };
  storage: {
    title: string;
    used: (used: string) => string;
    usedOf: (used: string, quota: string) => string;
    free: (free: string) => string;
    above: string;
    kept: string;
    notKept: string;
    keep: string;
    keepRefused: string;
    limit: string;
    limitHint: string;
    limitWrong: string;
    set: string;
    removeAll: string;
    removeAllTitle: string;
    removeAllBody: string;
    removeAllConfirm: string;
    cancel: string;
  };
};

const EN: ModelStrings = {
  title: 'Models',
  none: 'No model is in this browser.',
  warm: 'in memory',
  installed: 'on disk',
  basis: {
    half_precision: (dtype) => `${dtype}, since the graphics card computes in 16 bits.`,
    gpu: (dtype) => `${dtype}, since the graphics card does not compute in 16 bits.`,
    processor: (dtype) => `${dtype}, since the processor does the work.`,
    given: (dtype) => `${dtype}, since it turned out faster here than what came first.`,
  },
  passedOver: {
    absent: (dtypes) => `The relay has no ${dtypes} of it.`,
    memory: (dtypes) => `Too large for this browser’s memory: ${dtypes}.`,
  },
  trials: {
    figures: (gpu, processor) => `Tried here: graphics card ${gpu}, processor ${processor}.`,
    rate: (rate, type) => `${rate} ${{ llm: 'tokens', embed: 'texts' }[type] ?? 'answers'}/s`,
    failed: 'failed',
    webgpu: 'The graphics card counts double, since it leaves the processor to you.',
    wasm: 'The processor is more than twice as fast, so the model runs there.',
  },
  remove: 'Remove',
  removeOf: (model) => `Remove ${model} from this browser`,
  row: DOWNLOAD_WORDS.en,
  metered: {
    text: 'Your browser says that this network is metered, or that you save data. Nothing is downloaded before you allow it.',
    allow: 'Download on this network',
  },
  add: {
    name: 'Id of another model that the relay offers',
    hint: 'Such as onnx-community/Qwen3-0.6B-ONNX, if the operator mirrors it. It comes from the relay alone.',
    look: 'Look up its size',
    looking: 'Asking…',
    brings: (size, missing, dtype) => `${size} of weights (${dtype}); ${missing} to download.`,
    fits: (free) => `It fits: this browser gives the page ${free} more.`,
    fitsUnknown: 'This browser does not say whether it fits.',
    leaving: (models) => `To make room, what was used least recently is removed: ${models}.`,
    submit: 'Download',
    submitOf: (model) => `Download ${model}`,
  },
  storage: {
    title: 'Storage',
    used: (used) => `Models take ${used} in this browser.`,
    usedOf: (used, quota) => `Models take ${used} in this browser, of the ${quota} that you allow.`,
    free: (free) => `The browser gives the page ${free} more.`,
    above: 'Nothing is downloaded until they take less. Remove one, or raise the limit.',
    kept: 'The browser keeps them until you remove them.',
    notKept: 'The browser may clear them by itself when the disk is short.',
    keep: 'Ask the browser to keep them',
    keepRefused: 'The browser does not promise it. It may after a few more visits, or once the page is bookmarked.',
    limit: 'Most that models may take, in GB',
    limitHint: 'Empty: all that the browser gives. What was used least recently is removed first.',
    limitWrong: 'Write a number above 0, or nothing.',
    set: 'Set',
    removeAll: 'Remove what this tab stored…',
    removeAllTitle: 'Remove all models from this browser?',
    removeAllBody:
      'Also what came of downloads that are not done. The node stays joined; to work it has to download again.',
    removeAllConfirm: 'Remove',
    cancel: 'Keep them',
  },
};

const FR: ModelStrings = {
  title: 'Modèles',
  none: 'Aucun modèle dans ce navigateur.',
  warm: 'en mémoire',
  installed: 'sur disque',
  basis: {
    half_precision: (dtype) => `${dtype}, car la carte graphique calcule en 16 bits.`,
    gpu: (dtype) => `${dtype}, car la carte graphique ne calcule pas en 16 bits.`,
    processor: (dtype) => `${dtype}, car le processeur fait le travail.`,
    given: (dtype) => `${dtype}, plus rapide ici que la première forme essayée.`,
  },
  passedOver: {
    absent: (dtypes) => `Le relais ne l’a pas en ${dtypes}.`,
    memory: (dtypes) => `Trop grand pour la mémoire de ce navigateur : ${dtypes}.`,
  },
  trials: {
    figures: (gpu, processor) => `Essais ici : carte graphique ${gpu}, processeur ${processor}.`,
    rate: (rate, type) => `${rate} ${{ llm: 'jetons', embed: 'textes' }[type] ?? 'réponses'}/s`,
    failed: 'en échec',
    webgpu: 'La carte graphique compte double, car elle vous laisse le processeur.',
    wasm: 'Le processeur est plus de deux fois plus rapide, et c’est là que le modèle tourne.',
  },
  remove: 'Retirer',
  removeOf: (model) => `Retirer ${model} de ce navigateur`,
  row: DOWNLOAD_WORDS.fr,
  metered: {
    text: 'Votre navigateur indique un réseau limité ou payant, ou que vous économisez les données. Rien n’est téléchargé sans votre accord.',
    allow: 'Télécharger par ce réseau',
  },
  add: {
    name: 'Identifiant d’un autre modèle que le relais propose',
    hint: 'Par exemple onnx-community/Qwen3-0.6B-ONNX, si l’opérateur en a une copie. Il ne vient que du relais.',
    look: 'Voir sa taille',
    looking: 'Demande en cours…',
    brings: (size, missing, dtype) => `${size} de poids (${dtype}) ; ${missing} à télécharger.`,
    fits: (free) => `Il y a la place : le navigateur donne encore ${free} à cette page.`,
    fitsUnknown: 'Ce navigateur ne dit pas s’il y a la place.',
    leaving: (models) =>
      `Pour faire de la place, ce qui n’a pas servi depuis le plus longtemps est retiré : ${models}.`,
    submit: 'Télécharger',
    submitOf: (model) => `Télécharger ${model}`,
  },
  storage: {
    title: 'Stockage',
    used: (used) => `Les modèles prennent ${used} dans ce navigateur.`,
    usedOf: (used, quota) => `Les modèles prennent ${used} dans ce navigateur, sur les ${quota} que vous permettez.`,
    free: (free) => `Le navigateur donne encore ${free} à cette page.`,
    above: 'Rien n’est téléchargé tant qu’ils ne prennent pas moins. Retirez-en un, ou relevez la limite.',
    kept: 'Le navigateur les garde jusqu’à ce que vous les retiriez.',
    notKept: 'Le navigateur peut les effacer de lui-même quand le disque manque de place.',
    keep: 'Demander au navigateur de les garder',
    keepRefused: 'Le navigateur ne le promet pas. Il le fera peut-être après d’autres visites, ou avec un marque-page.',
    limit: 'Place permise aux modèles, en Go',
    limitHint:
      'Vide : tout ce que le navigateur accorde. Ce qui n’a pas servi depuis le plus longtemps est retiré en premier.',
    limitWrong: 'Écrivez un nombre supérieur à 0, ou rien.',
    set: 'Régler',
    removeAll: 'Retirer ce que cet onglet a stocké…',
    removeAllTitle: 'Retirer tous les modèles de ce navigateur ?',
    removeAllBody:
      'Et ce qui est arrivé de téléchargements inachevés. Le nœud reste inscrit ; pour travailler il devra télécharger de nouveau.',
    removeAllConfirm: 'Retirer',
    cancel: 'Les garder',
  },
};

export const MODEL_STRINGS: Readonly<Record<Locale, ModelStrings>> = { en: EN, fr: FR };
