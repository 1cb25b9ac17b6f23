// When a session begins to need somebody: a notification and a sound, if they were chosen. And the name that others see.
import {h, button, announce} from './dom.js';
import {kept} from './early.js';
import {cut, oneLine, visible} from './text.js';

function keep(name, value) {
    try {
        localStorage.setItem('asm-live.' + name, value);
    } catch {
        // it then holds for this visit only
    }
}

export class Alerts {
    // open(key) shows a session, named() is called when the name has changed.
    constructor(open, named) {
        this.open = open;
        this.named = named;
        this.known = null; // keys of the sessions that need somebody
        this.notify = this.choice('Notify', 'notify');
        this.sound = this.choice('Sound', 'sound');
        this.element = h('span', {class: 'alerts'}, this.notify, this.sound, this.nameField());
        if (kept('notify') && globalThis.Notification?.permission === 'granted') this.press(this.notify, true);
        if (kept('sound')) this.press(this.sound, true);
    }

    nameField() {
        const field = h('input', {type: 'text', class: 'name', placeholder: 'Your name', 'aria-label': 'Your name, as other viewers see it', maxlength: '40', autocomplete: 'off'});
        field.value = kept('name');
        field.addEventListener('change', () => {
            keep('name', field.value.trim());
            this.named();
        });
        return field;
    }

    press(element, isOn) {
        element.setAttribute('aria-pressed', String(isOn));
    }

    isOn(element) {
        return element.getAttribute('aria-pressed') === 'true';
    }

    choice(title, name) {
        const element = button(title, async () => {
            const isOn = !this.isOn(element);
            if (isOn && name === 'notify' && (await globalThis.Notification?.requestPermission?.()) !== 'granted') {
                announce('The browser does not allow notifications here.', true);
                return;
            }
            this.press(element, isOn);
            keep(name, isOn ? '1' : '');
            if (isOn && name === 'sound') this.beep();
        }, {'aria-pressed': 'false', class: 'quiet'});
        return element;
    }

    take(rows) {
        const waiting = rows.filter(row => row.lane === 'needs_you');
        const before = this.known;
        this.known = new Set(waiting.map(row => row.key));
        if (!before) return;
        const fresh = waiting.filter(row => !before.has(row.key));
        if (!fresh.length) return;
        if (this.isOn(this.sound)) this.beep();
        if (this.isOn(this.notify)) for (const row of fresh.slice(0, 3)) this.show(row);
    }

    show(row) {
        const text = value => typeof value === 'string' ? visible(cut(oneLine(value), 200)) : '';
        const notification = new Notification(text(row.title) || text(row.first_words) || text(row.session_id) || 'A session needs you', {body: text(row.what), tag: row.key});
        notification.onclick = () => {
            globalThis.focus();
            this.open(row.key);
            notification.close();
        };
    }

    beep() {
        try {
            this.audio ??= new AudioContext();
            const tone = this.audio.createOscillator(), volume = this.audio.createGain(), at = this.audio.currentTime;
            tone.frequency.value = 660;
            volume.gain.setValueAtTime(0.08, at);
            volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.4);
            tone.connect(volume).connect(this.audio.destination);
            tone.start(at);
            tone.stop(at + 0.4);
        } catch {
            // no sound here
        }
    }
}
