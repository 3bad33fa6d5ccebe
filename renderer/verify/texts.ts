import type { Locale } from '../language/locales.ts';

const EN = {
  title: 'Verify a receipt',
  intro:
    'A receipt says which node did which job with which model, under the signatures of the node and of the relay. It is checked here, in this browser: nothing is sent anywhere, and the page works offline.',
  paste: 'Receipt as JSON, with or without its proof',
  hint: 'Paste it, drop a file on this card, or choose one.',
  choose: 'Choose a file',
  licences: 'Licences',
  language: 'Language',
  faults: {
    json: 'This is no JSON. Paste the whole file, from its first brace to its last.',
    size: 'The file is too large for a receipt. Choose another one.',
    file: 'The file could not be read. Choose it again.',
  },
  told: {
    title: 'What it says',
    facts: {
      job: 'Job',
      node: 'Node',
      service: 'Service',
      model: 'Model',
      tokens: 'Tokens',
      issued: 'Issued',
      relay: 'Key of the relay',
    },
    tokensOf: (read: number, written: number) => `${read} read, ${written} written`,
    answer: 'The answer that you have',
    answerHint: 'Paste it whole to see whether the receipt stands for it. It stays in this page.',
    same: 'The receipt stands for this answer.',
    other: 'The receipt stands for another answer than this.',
  },
};
export type Texts = typeof EN;

const FR: Texts = {
  title: 'Vérifier un reçu',
  intro:
    'Un reçu dit quel nœud a fait quelle tâche avec quel modèle, sous les signatures du nœud et du relais. Il est vérifié ici, dans ce navigateur : rien n’est envoyé, et la page marche hors ligne.',
  paste: 'Reçu en JSON, avec ou sans sa preuve',
  hint: 'Collez-le, déposez un fichier sur cette carte, ou choisissez-en un.',
  choose: 'Choisir un fichier',
  licences: 'Licences',
  language: 'Langue',
  faults: {
    json: 'Ceci n’est pas du JSON. Collez tout le fichier, de sa première accolade à la dernière.',
    size: 'Le fichier est trop grand pour un reçu. Choisissez-en un autre.',
    file: 'Le fichier n’a pas pu être lu. Choisissez-le de nouveau.',
  },
  told: {
    title: 'Ce qu’il dit',
    facts: {
      job: 'Tâche',
      node: 'Nœud',
      service: 'Service',
      model: 'Modèle',
      tokens: 'Jetons',
      issued: 'Émis',
      relay: 'Clé du relais',
    },
    tokensOf: (read, written) => `${read} lus, ${written} produits`,
    answer: 'La réponse que vous avez',
    answerHint: 'Collez-la en entier pour voir si le reçu en répond. Elle reste dans cette page.',
    same: 'Le reçu répond de cette réponse.',
    other: 'Le reçu répond d’une autre réponse que celle-ci.',
  },
};

export const TEXTS: Readonly<Record<Locale, Texts>> = { en: EN, fr: FR };
