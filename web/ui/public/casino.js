// The demonstration's page in one of two languages, with the widget in it.
(() => {
  const asked = new URLSearchParams(location.search);
  const lang = asked.get('lang') === 'fr' || (!asked.get('lang') && navigator.language.startsWith('fr')) ? 'fr' : 'en';
  document.documentElement.lang = lang;
  for (const e of document.querySelectorAll('[data-en]')) e.textContent = e.dataset[lang];
  const help = document.createElement('player-support');
  help.setAttribute('lang', lang);
  // A real site's server signs this for its signed-in player (docs/widget.md).
  if (asked.get('token')) help.setAttribute('token', asked.get('token'));
  document.body.append(help);
})();
