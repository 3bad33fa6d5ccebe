import type { EN_PAIRING } from './en-pairing.ts';

/** What the page of pairing says, in French. */
export const FR_PAIRING: typeof EN_PAIRING = {
  pairing: {
    make: 'Faire entrer un nœud',
    intro:
      'Un code fait entrer une machine, dans les dix minutes. Lancez-y la commande, ou ouvrez la page dans son navigateur.',
    makeIt: 'Créer un code',
    makeAnother: 'Créer un autre code',
    byCommand: 'Sur la machine',
    byPage: 'Dans son navigateur',
    byLink: 'En lien',
    noPage:
      'Un navigateur ne peut pas y être un nœud : il ne garde aucune clé pour une page arrivée en HTTP simple. Avec « sparewatt relay --tls --browser-nodes », ou un proxy muni d’un certificat, il le peut.',
    qr: 'Code QR de l’invitation',
    onlyHere:
      'Ce relais n’écoute que sa propre machine. Pour d’autres, démarrez-le avec --host 0.0.0.0, ou donnez son adresse avec --public-url.',
    waits: 'En attente du nœud… Le code prend fin',
    arrived: 'Il est arrivé :',
    expired: 'Ce code a pris fin. Créez-en un autre.',
    pending: 'Nœuds qui attendent votre approbation',
    codes: 'Codes des dernières 24 heures',
    heads: ['Code', 'État', 'Créé', 'Utilisé par'],
    states: { open: 'Ouvert', used: 'Utilisé', expired: 'Terminé' },
    none: 'Aucun code n’a été créé ces dernières 24 heures.',
    noneHint: 'Un code est montré une fois, à sa création ; voici ce que chacun est devenu.',
    withdraw: (when) => `Retirer (prend fin ${when})`,
  },
};
