// The search of these pages, also as PAGE?q=WORDS. Without JavaScript there is none, and nothing else is missing.
// index.js defines `pages`: [name, address from the top, what it is].
'use strict';
(function () {
  const top = document.documentElement.dataset.top;
  const form = document.createElement('form');
  const input = document.createElement('input');
  const list = document.createElement('ul');
  input.type = 'search';
  input.placeholder = 'Search';
  input.setAttribute('aria-label', 'Search the pages and names');
  list.className = 'found';
  list.hidden = true;
  form.append(input);
  document.querySelector('nav').append(form);
  document.querySelector('nav').after(list);

  // What begins with the words comes first, then what has them in its name, then in its text.
  function rank(entry, words) {
    const name = entry[0].toLowerCase();
    const text = name + ' ' + entry[2].toLowerCase();
    if (!words.every(word => text.includes(word))) return 0;
    if (name === words[0]) return 4;
    if (name.startsWith(words[0]) || name.startsWith('asm_' + words[0])) return 3;
    return words.every(word => name.includes(word)) ? 2 : 1;
  }

  function look() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    list.hidden = words.length === 0;
    if (list.hidden) return;
    const found = pages.map(entry => [rank(entry, words), entry]).filter(pair => pair[0] > 0);
    found.sort((a, b) => b[0] - a[0]);
    for (const [, [name, address, text]] of found.slice(0, 30)) {
      const item = document.createElement('li');
      const link = document.createElement('a');
      const small = document.createElement('small');
      link.href = top + address;
      link.textContent = name;
      small.textContent = ' ' + text;
      item.append(link, small);
      list.append(item);
    }
    if (found.length === 0) list.append(Object.assign(document.createElement('li'), { textContent: 'Nothing found' }));
  }

  input.addEventListener('input', look);
  input.value = new URLSearchParams(location.search).get('q') || '';
  look();
  form.addEventListener('submit', event => {
    event.preventDefault();
    const first = list.querySelector('a');
    if (first) location.href = first.href;
  });
  document.addEventListener('keydown', event => {
    if (event.key === '/' && document.activeElement !== input) { event.preventDefault(); input.focus(); }
  });
})();
