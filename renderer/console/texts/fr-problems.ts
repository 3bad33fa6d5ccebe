import { withEnglishDetail } from '../../../shared/problems/french.ts';
import { isProblemCode, type ProblemCode } from '../../../shared/problems/table.ts';
import type { RelayProblem } from '../api.ts';

/** What an operator meets who reads French: what happened, and what to do. */
const SENTENCES: Readonly<Partial<Record<ProblemCode, string>>> = {
  invalid_api_key: 'Le jeton ou la clé n’est pas celui de ce relais. Vérifiez ce que vous avez collé.',
  insufficient_scope: 'Cette clé n’en a pas le droit. Il faut le jeton d’administration, ou une clé qui permet cela.',
  too_many_attempts: 'Trop d’essais. Attendez une minute avant de recommencer.',
  rate_limit_exceeded:
    'La clé a envoyé trop de requêtes ou de jetons en une minute. Attendez un peu, ou relevez sa limite.',
  parallel_limit_exceeded:
    'La clé a déjà trop de requêtes en cours. Attendez la fin de l’une d’elles, ou relevez sa limite.',
  budget_exceeded: 'Le budget de la clé est épuisé. Attendez son renouvellement, ou relevez-le.',
  insufficient_credits: 'La clé n’a plus assez de crédits. Accordez-lui-en, ou relevez ce qu’elle peut devoir.',
  signature_required:
    'Les requêtes de cette clé doivent être signées. Une page ne le peut pas ; utilisez une autre clé.',
  origin_refused: 'Cette page n’est pas autorisée à demander cela.',
  request_timeout: 'La demande a mis trop longtemps à atteindre le relais. Réessayez.',
  body_too_large: 'La demande est trop grande. Envoyez-en moins à la fois.',
  invalid_value: 'Une valeur n’est pas acceptée.',
  missing_required_parameter: 'Il manque une valeur.',
  invalid_json: 'Le relais n’a pas pu lire la demande. Rechargez la page.',
  unsupported_parameter: 'Le modèle ne connaît pas l’un des réglages.',
  unsupported_content: 'Le modèle ne lit pas ce genre de contenu.',
  unsupported_media: 'Ce genre de fichier n’est pas lu.',
  invalid_audio: 'L’enregistrement est illisible. Essayez un autre format.',
  invalid_image: 'L’image est illisible. Essayez un autre format.',
  context_length_exceeded: 'La demande est trop longue pour le modèle. Raccourcissez-la.',
  model_not_found: 'Aucun nœud ne propose ce modèle en ce moment.',
  no_capacity: 'Aucun nœud ne peut prendre cette tâche en ce moment. Réessayez, ou ajoutez un nœud.',
  queue_full: 'Trop de tâches attendent déjà. Réessayez plus tard.',
  service_not_found: 'Ce service n’existe pas.',
  service_not_runnable: 'Rien ici ne peut exécuter ce service.',
  key_not_found: 'Cette clé n’existe pas. Rechargez la liste.',
  node_not_found: 'Ce nœud n’existe plus. Rechargez la liste.',
  node_connected: 'Ce nœud est connecté. Révoquez-le ou arrêtez-le d’abord.',
  job_not_found: 'Cette tâche n’existe pas, ou n’est plus gardée.',
  job_unfinished: 'Cette tâche n’est pas encore terminée.',
  job_failed: 'La tâche a échoué, et échouerait sur n’importe quel nœud.',
  job_expired: 'La tâche n’a pas été faite dans le temps qui lui était donné.',
  job_timeout: 'La tâche a duré plus longtemps que permis.',
  result_not_found: 'Ce résultat n’existe pas, ou n’est plus gardé.',
  result_too_large: 'Le résultat est plus grand que ce qui peut être envoyé ou gardé.',
  task_not_found: 'Cette tâche n’attend plus de décision.',
  task_refused: 'Une personne a refusé cette tâche.',
  approval_expired: 'Personne n’a approuvé la tâche à temps.',
  batch_not_found: 'Ce lot n’existe pas.',
  file_not_found: 'Ce fichier n’existe pas, ou n’est plus gardé.',
  file_too_large: 'Le fichier est trop grand.',
  receipt_not_found: 'Ce reçu n’existe pas.',
  receipt_log_damaged:
    'Le registre des reçus a été modifié. Gardez une copie du dossier de données avant toute autre chose.',
  pairing_code_not_found: 'Ce code n’existe pas, ou a déjà pris fin.',
  decision_not_found: 'Le choix du nœud n’est plus gardé.',
  cancelled: 'La tâche a été annulée.',
  client_too_slow: 'La page lisait la réponse trop lentement. Recommencez.',
  node_lost: 'Le nœud a disparu pendant le travail. Recommencez.',
  node_fault: 'Le nœud a échoué pendant le travail. Recommencez ; un autre peut réussir.',
  node_busy: 'Le nœud n’a pas de place libre. Réessayez.',
  node_out_of_memory: 'Le nœud n’a pas assez de mémoire pour cette tâche.',
  device_lost: 'La carte graphique du nœud a cessé de répondre pendant le travail.',
  device_missing: 'Le nœud n’a pas de carte graphique utilisable en ce moment.',
  policy_refused: 'Le propriétaire du nœud ne permet pas cette tâche.',
  handed_back: 'Le propriétaire du nœud en a eu besoin ; la tâche a été rendue.',
  model_load_failed: 'Le nœud n’a pas pu charger le modèle.',
  protocol_violation: 'Le nœud a répondu autrement qu’attendu. Sa version ne convient peut-être pas à ce relais.',
  relay_lost: 'Le relais s’est arrêté pendant la tâche. Recommencez.',
  relay_unreachable: 'Le relais ne répond pas, ou la réponse s’est interrompue. Fonctionne-t-il ?',
  bus_unavailable: 'Le relais n’atteint pas son bus de messages. Voyez son journal.',
  draining: 'Le relais est en train de s’arrêter.',
  storage_failed: 'Le relais ne peut plus rien enregistrer. Libérez de l’espace sur son disque, ou voyez son journal.',
  internal: 'Une erreur est survenue dans le relais. Son journal en dit plus.',
};

/** What went wrong, with the relay's own words where they carry data; all of it in English where it has no sentence. */
export function frenchRefusal({ code, message }: Pick<RelayProblem, 'code' | 'message'>): string {
  const sentence = isProblemCode(code) ? SENTENCES[code] : undefined;
  return sentence === undefined ? message : withEnglishDetail(sentence, message);
}
