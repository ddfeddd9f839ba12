"""The data sets that the shipped coefficients were learned from; none of the data is shipped."""

SOURCES = [
    {"name": "NASA", "licence": "US government data; cite",
     "source": "B. Saha, K. Goebel (2007), Battery Data Set, NASA Prognostics Data Repository"},
    {"name": "CALCE CS2", "licence": "no explicit licence; cite",
     "source": "CALCE, University of Maryland, calce.umd.edu/battery-data"},
    {"name": "MIT/Stanford (MATR)", "licence": "CC BY 4.0 according to third parties",
     "source": "Severson et al., Nature Energy 4, 383 (2019), data.matr.io/1"},
    {"name": "HUST", "licence": "CC BY 4.0 according to third parties",
     "source": "Ma et al., Energy Environ. Sci. (2022), Mendeley Data 10.17632/nsc7hnsg4s.2"},
    {"name": "Tongji (TJU)", "licence": "as its Zenodo record says",
     "source": "Zhu et al., Nature Communications (2022), Zenodo 6405084"},
    {"name": "XJTU", "licence": "as its Zenodo record says",
     "source": "Wang et al., Nature Communications 15, 4332 (2024), Zenodo 10963339"},
]  # fmt: skip
