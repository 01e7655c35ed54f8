//! Many texts in one allocation.

/// UTF-8 texts, back to back.
#[derive(Clone, Debug)]
pub struct Texts {
    bytes: String,
    /// Text `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    offsets: Vec<u64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: String::new(), offsets: vec![0] }
    }
}

impl Texts {
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.offsets.push(self.bytes.len() as u64);
    }

    pub fn get(&self, text: usize) -> &str {
        &self.bytes[self.offsets[text] as usize..self.offsets[text + 1] as usize]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|text| self.get(text))
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hashes the texts: each of them, and their order.
    pub fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("alhost 1 texts");
        super::hash_strings(&mut hasher, self.iter());
        hasher.finalize()
    }

    /// All texts back to back, and `len() + 1` offsets into them.
    pub fn parts(&self) -> (&str, &[u64]) {
        (&self.bytes, &self.offsets)
    }
}
