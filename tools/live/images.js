// Images that stand in an event, as addresses that hold the image itself. Of the kinds that cannot run anything.
const kinds = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const mostImages = 20;

export function imagesOf(data) {
    const found = [];
    const seen = new Set();
    const look = (value, depth) => {
        if (typeof value !== 'object' || value === null || depth > 8 || found.length >= mostImages) return;
        const bytes = value.base64 ?? value.data;
        const kind = value.media_type ?? value.mimeType ?? value.mime_type ?? value.type;
        if (typeof bytes === 'string' && kinds.has(kind) && /^[A-Za-z0-9+/=\s]+$/.test(bytes) && !seen.has(bytes)) {
            seen.add(bytes);
            found.push({kind, url: 'data:' + kind + ';base64,' + bytes.replace(/\s/g, '')});
        }
        for (const each of Object.values(value)) look(each, depth + 1);
    };
    look(data, 0);
    return found;
}
