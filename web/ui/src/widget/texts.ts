// The words of the widget. Other languages are shown English.
const en = {
  open: 'Help', close: 'Close the help panel', title: 'How can we help?', call: 'Call', chat: 'Chat', callback: 'Call me back', back: 'Back',
  subject: 'What is it about?', write: 'Your message', send: 'Send', attach: 'Add a file', name: 'Your name (optional)', email: 'E-mail (optional)',
  start: 'Start the chat', reconnecting: 'Connection lost. Reconnecting…', waiting: 'You are number {n} in line', next: 'You are next in line',
  eta: 'about {n} min', nobody: 'Nobody is here at the moment. Write to us: we answer as soon as we can.', with: 'You are talking with {agent}',
  typing: '{agent} is typing…', typingNobody: 'Somebody is typing…', sending: 'Sending…', sent: 'Sent', read: 'Read', failed: 'Not sent',
  you: 'You', system: 'Message', reference: 'Your reference: {n}', end: 'End the chat', ended: 'This chat has ended.', again: 'New chat',
  transcript: 'Send me the conversation', mailed: 'It is on its way.', mailFailed: 'It could not be sent by e-mail.', mailAddress: 'This e-mail address is not valid.',
  toCall: 'Go on by voice', offered: 'Your agent offers to go on by voice.', accept: 'Call now', 'file.size': 'A file may have 10 MB at most.',
  'file.type': 'Pictures, PDF and plain text can be sent.', 'file.network': 'The file could not be sent. Try again.',
  'fault.identity': 'You are not signed in any more. Reload the page.', 'fault.text': 'This message is too long.', 'fault.refused': 'The chat is not available here.',
  full: 'Too many messages wait for the network.', 'call.start': 'Call now', 'call.connecting': 'Connecting…', 'call.permission': 'Please allow the microphone',
  'call.waiting': 'You are in the queue', 'call.talking': 'You are talking with {agent}', 'call.nobody': 'an agent', 'call.hangup': 'Hang up',
  'call.mute': 'Mute', 'call.unmute': 'Unmute', 'call.note': 'Your browser will ask for the microphone. Calls are recorded.',
  'call.callback': 'Call me back, keep my place', 'call.promised': 'We call you back on this page. Keep it open.', 'call.ringing': 'Your call is here',
  'call.take': 'Take the call', 'call.later': 'Not now', 'call.cancel': 'Do not call me back', 'call.ended': 'The call has ended.', 'call.failed': 'The call did not come through.',
  'call.denied': 'The microphone is missing or blocked for this page. Allow it in the address bar and try again.', 'call.full': 'All lines are busy. Try again in {n} s.',
  'call.away': 'The server does not answer. Try again in a moment.', 'call.refused': 'A callback cannot be arranged now.', 'call.tap': 'Tap to listen', 'call.chat': 'Write at the same time',
};

const fr: typeof en = {
  open: 'Aide', close: 'Fermer l’aide', title: 'Comment pouvons-nous aider ?', call: 'Appeler', chat: 'Discuter', callback: 'Être rappelé', back: 'Retour',
  subject: 'Quel est le sujet ?', write: 'Votre message', send: 'Envoyer', attach: 'Joindre un fichier', name: 'Votre nom (facultatif)', email: 'E-mail (facultatif)',
  start: 'Commencer', reconnecting: 'Connexion perdue. Reconnexion…', waiting: 'Vous êtes numéro {n} dans la file', next: 'Vous êtes le prochain',
  eta: 'environ {n} min', nobody: 'Personne n’est là pour le moment. Écrivez-nous : nous répondrons dès que possible.', with: 'Vous échangez avec {agent}',
  typing: '{agent} écrit…', typingNobody: 'Quelqu’un écrit…', sending: 'Envoi…', sent: 'Envoyé', read: 'Lu', failed: 'Non envoyé',
  you: 'Vous', system: 'Message', reference: 'Votre référence : {n}', end: 'Terminer', ended: 'Cette discussion est terminée.', again: 'Nouvelle discussion',
  transcript: 'M’envoyer la conversation', mailed: 'C’est en route.', mailFailed: 'L’envoi par e-mail n’a pas pu se faire.', mailAddress: 'Cette adresse e-mail n’est pas valable.',
  toCall: 'Continuer de vive voix', offered: 'Votre conseiller propose de continuer de vive voix.', accept: 'Appeler', 'file.size': 'Un fichier peut faire 10 Mo au plus.',
  'file.type': 'Images, PDF et texte simple peuvent être envoyés.', 'file.network': 'Le fichier n’a pas pu être envoyé. Réessayez.',
  'fault.identity': 'Vous n’êtes plus connecté. Rechargez la page.', 'fault.text': 'Ce message est trop long.', 'fault.refused': 'La discussion n’est pas disponible ici.',
  full: 'Trop de messages attendent le réseau.', 'call.start': 'Appeler', 'call.connecting': 'Connexion…', 'call.permission': 'Veuillez autoriser le microphone',
  'call.waiting': 'Vous êtes dans la file d’attente', 'call.talking': 'Vous parlez avec {agent}', 'call.nobody': 'un conseiller', 'call.hangup': 'Raccrocher',
  'call.mute': 'Couper le micro', 'call.unmute': 'Rétablir le micro', 'call.note': 'Votre navigateur demandera le microphone. Les appels sont enregistrés.',
  'call.callback': 'Me rappeler en gardant ma place', 'call.promised': 'Nous vous rappelons sur cette page. Gardez-la ouverte.', 'call.ringing': 'Votre appel est là',
  'call.take': 'Prendre l’appel', 'call.later': 'Pas maintenant', 'call.cancel': 'Ne plus me rappeler', 'call.ended': 'L’appel est terminé.', 'call.failed': 'L’appel n’a pas abouti.',
  'call.denied': 'Le microphone manque ou est bloqué pour cette page. Autorisez-le dans la barre d’adresse et réessayez.', 'call.full': 'Toutes les lignes sont occupées. Réessayez dans {n} s.',
  'call.away': 'Le serveur ne répond pas. Réessayez dans un instant.', 'call.refused': 'Un rappel n’est pas possible maintenant.', 'call.tap': 'Toucher pour écouter', 'call.chat': 'Écrire en même temps',
};

export type Key = keyof typeof en;

/** Returns the words of a language. */
export function speak(language: string): (key: Key, values?: Record<string, string | number>) => string {
  const words = language.toLowerCase().startsWith('fr') ? fr : en;
  return (key, values) => {
    let text = words[key] ?? key;
    for (const [name, value] of Object.entries(values ?? {})) text = text.replace(`{${name}}`, String(value));
    return text;
  };
}
