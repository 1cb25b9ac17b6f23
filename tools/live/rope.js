// Rows in order, each with its height in pixels: to find what stands at an offset, and to insert anywhere, among several 100,000.
// A row is any object; `chunk` and `height` of it belong to the rope.
const largest = 256;

export class Rope {
    constructor() {
        this.chunks = [{rows: [], height: 0}];
        this.size = 0;
        this.height = 0;
    }

    // All at once, of an empty rope.
    fill(rows) {
        const size = largest / 2;
        this.chunks = [];
        for (let at = 0; at < rows.length || at === 0; at += size) {
            const chunk = {rows: rows.slice(at, at + size), height: 0};
            for (const row of chunk.rows) {
                row.chunk = chunk;
                chunk.height += row.height;
            }
            this.height += chunk.height;
            this.chunks.push(chunk);
        }
        this.size = rows.length;
    }

    // Inserts `rows` after `previous`, at the beginning if that is null.
    insert(previous, rows) {
        let chunk = previous ? previous.chunk : this.chunks[0];
        let at = previous ? chunk.rows.indexOf(previous) + 1 : 0;
        for (const row of rows) {
            if (chunk.rows.length >= largest) {
                const half = chunk.rows.length >> 1, isEnd = at === chunk.rows.length;
                const cut = isEnd ? chunk.rows.length : half;
                const next = {rows: chunk.rows.splice(cut), height: 0};
                for (const moved of next.rows) {
                    moved.chunk = next;
                    next.height += moved.height;
                }
                chunk.height -= next.height;
                this.chunks.splice(this.chunks.indexOf(chunk) + 1, 0, next);
                if (at > cut || isEnd) {
                    at -= cut;
                    chunk = next;
                }
            }
            chunk.rows.splice(at++, 0, row);
            chunk.height += row.height;
            row.chunk = chunk;
            this.height += row.height;
            this.size++;
        }
    }

    remove(row) {
        const chunk = row.chunk;
        chunk.rows.splice(chunk.rows.indexOf(row), 1);
        chunk.height -= row.height;
        this.height -= row.height;
        this.size--;
        row.chunk = null;
        if (!chunk.rows.length && this.chunks.length > 1) this.chunks.splice(this.chunks.indexOf(chunk), 1);
    }

    setHeight(row, height) {
        const more = height - row.height;
        row.height = height;
        row.chunk.height += more;
        this.height += more;
    }

    // The row at `offset`, and where it begins; the last one for what lies past the end.
    at(offset) {
        let top = 0;
        for (const chunk of this.chunks) {
            if (top + chunk.height <= offset && chunk !== this.chunks.at(-1)) {
                top += chunk.height;
                continue;
            }
            for (const row of chunk.rows) {
                if (top + row.height > offset) return {row, top};
                top += row.height;
            }
        }
        const row = this.last();
        return row ? {row, top: this.height - row.height} : null;
    }

    topOf(row) {
        let top = 0;
        for (const chunk of this.chunks) {
            if (chunk === row.chunk) break;
            top += chunk.height;
        }
        for (const other of row.chunk.rows) {
            if (other === row) break;
            top += other.height;
        }
        return top;
    }

    indexOf(row) {
        let index = 0;
        for (const chunk of this.chunks) {
            if (chunk === row.chunk) break;
            index += chunk.rows.length;
        }
        return index + row.chunk.rows.indexOf(row);
    }

    first() {
        return this.chunks.find(chunk => chunk.rows.length)?.rows[0] ?? null;
    }

    last() {
        return this.chunks.findLast(chunk => chunk.rows.length)?.rows.at(-1) ?? null;
    }

    next(row) {
        return this.neighbour(row, 1);
    }

    previous(row) {
        return this.neighbour(row, -1);
    }

    neighbour(row, step) {
        const inside = row.chunk.rows[row.chunk.rows.indexOf(row) + step];
        if (inside) return inside;
        for (let i = this.chunks.indexOf(row.chunk) + step; i >= 0 && i < this.chunks.length; i += step) {
            const rows = this.chunks[i].rows;
            if (rows.length) return step > 0 ? rows[0] : rows.at(-1);
        }
        return null;
    }
}
