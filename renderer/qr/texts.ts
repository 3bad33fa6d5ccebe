import type { Locale } from '../language/locales.ts';
import type { PictureFault } from './read-picture.ts';

export type PictureTexts = {
  label: string;
  hint: string;
  choose: string;
  reading: string;
  /** `relay` is an address; a code alone names none. */
  found(relay: string | undefined): string;
  faults: Record<PictureFault | 'no_invitation', string>;
};

const EN: PictureTexts = {
  label: 'Or its QR code',
  hint: 'Paste a screenshot, drop a picture here, or choose one. It is read here, sent nowhere and not kept.',
  choose: 'Choose a picture…',
  reading: 'Looking for a code…',
  found: (relay) =>
    relay === undefined
      ? 'Read: a pairing code. It stands in the field above.'
      : `Read: an invitation to ${relay}. Go on only if that is the relay you mean.`,
  faults: {
    too_large: 'This picture is too large: at most 20 MB and 50 megapixels are read. Cut it down to the code.',
    not_a_picture: 'This is no picture that can be read here. Use a PNG, JPEG or WebP file.',
    no_code: 'No QR code was found in this picture. Use one that shows the whole code, sharp and with its margin.',
    no_invitation: 'This QR code is no invitation of Sparewatt. Use the one that the relay shows for pairing.',
    gave_up: 'This picture could not be read in time. Cut it down to the code.',
  },
};

const FR: PictureTexts = {
  label: 'Ou son code QR',
  hint: 'Collez une capture d’écran, déposez une image ici ou choisissez-en une. Elle est lue ici, sans être envoyée ni gardée.',
  choose: 'Choisir une image…',
  reading: 'Recherche d’un code…',
  found: (relay) =>
    relay === undefined
      ? 'Lu : un code d’appairage. Il est dans le champ ci-dessus.'
      : `Lu : une invitation vers ${relay}. Continuez seulement si c’est le relais voulu.`,
  faults: {
    too_large: 'Cette image est trop grande : 20 Mo et 50 mégapixels au plus sont lus. Recadrez-la autour du code.',
    not_a_picture: 'Ce n’est pas une image lisible ici. Utilisez un fichier PNG, JPEG ou WebP.',
    no_code: 'Aucun code QR trouvé dans cette image. Il doit y être entier, net et avec sa marge.',
    no_invitation:
      'Ce code QR n’est pas une invitation de Sparewatt. Utilisez celui que le relais montre pour l’appairage.',
    gave_up: 'Cette image n’a pas pu être lue à temps. Recadrez-la autour du code.',
  },
};

/** What is said about pictures of codes, in the languages of the pages. */
export const PICTURE_TEXTS: Readonly<Record<Locale, PictureTexts>> = { en: EN, fr: FR };
